import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Exported, RecordExport } from '../quorum/record-export.ts';
import { appendText, DEL, EXISTS, set, type TestReply } from '../quorum/testing/steps.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

class ExportKit {
  readonly quorum = new LocalQuorum({ shards: 1 });
  readonly proxy: LocalProxy = this.quorum.proxy();
  readonly records = new RecordExport<TestReply>(this.proxy.coordinator, EXISTS);

  async until<T>(promise: Promise<T>): Promise<T> {
    const settled = { yes: false };
    const mark = (): void => {
      settled.yes = true;
    };
    promise.then(mark, mark);
    await this.quorum.pass(60_000, () => settled.yes);
    return promise;
  }

  async need<T>(promise: Promise<Exported<T>>): Promise<T> {
    const result = await this.until(promise);
    if (!result.ok) throw new Error(result.failure.detail);
    return result.value;
  }

  /** Names and values of all live records, page by page; large values by the number of their pages. */
  async contents(limit = 1_000): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    let after: RecordId = '';
    for (;;) {
      const page = await this.need(this.records.list(0, after, limit));
      for (const listed of page.records) {
        const stored = await this.need(this.records.read(0, listed));
        if (stored === null) continue;
        const content = this.quorum.seal.open(listed.id, stored.state)?.content;
        const value = content?.value;
        if (value?.paged === true) {
          const ids = await this.need(this.records.pageIds(0, listed.id, stored));
          const pages = await this.until(this.records.pages(0, listed.id, 0, ids));
          found[String(content?.key)] = `${pages.filter((sealed) => sealed !== null).length} of ${ids.length} pages`;
        } else {
          found[String(content?.key)] = String(value?.bytes);
        }
      }
      if (page.exhausted) return found;
      expect(page.lastId > after).toBe(true);
      after = page.lastId;
    }
  }

  /** The write of another proxy reaches one node only, and is never answered. */
  async writeAtOne(key: string, node: number, text: string): Promise<void> {
    const other = this.quorum.proxy();
    other.transport.fate = (nodeId, request) =>
      request.type === MessageType.commit && nodeId !== node ? 'drop' : 'pass';
    other.start(key, set(text));
    await this.quorum.pass(3);
    other.transport.fate = () => 'drop';
  }
}

describe('records for a backup', () => {
  it('are all that are live, whatever the page', async () => {
    const kit = new ExportKit();
    const expected: Record<string, string> = {};
    for (let i = 0; i < 25; i++) {
      await kit.proxy.do(`key ${i}`, set(`value ${i}`));
      expected[`key ${i}`] = `value ${i}`;
    }
    await kit.proxy.do('key 7', DEL);
    delete expected['key 7'];
    await kit.proxy.do('short', set('x', { expiresAtMs: kit.quorum.clock.wallMs() + 1 }));
    await kit.quorum.pass(20);
    for (const limit of [1, 3, 1_000]) expect(await kit.contents(limit)).toEqual(expected);
  });

  it('come with every page of large values, of inner pages too', async () => {
    const kit = new ExportKit();
    await kit.proxy.do('k', set('x'.repeat(3 * limits.pageBytes)));
    await kit.proxy.do('deep', set('x'.repeat((limits.rootFanout + 1) * limits.pageBytes)));
    const contents = await kit.contents();
    expect(contents['k']).toBe('3 of 3 pages');
    expect(contents['deep']).toBe(`${limits.rootFanout + 2} of ${limits.rootFanout + 2} pages`);
  });

  it('are what a quorum has, also where one node is down or was', async () => {
    const kit = new ExportKit();
    await kit.proxy.do('a', set('1'));
    kit.quorum.takeDown(1);
    await kit.proxy.do('b', set('2'));
    await kit.proxy.do('a', set('3'));
    expect(await kit.contents()).toEqual({ a: '3', b: '2' });
    kit.quorum.takeUp(1);
    kit.quorum.takeDown(2);
    expect(await kit.contents()).toEqual({ a: '3', b: '2' });
  });

  it('are settled where nodes differ: what was seen once is not taken back', async () => {
    for (const node of [1, 2, 3]) {
      const kit = new ExportKit();
      await kit.proxy.do('k', set('old'));
      await kit.writeAtOne('k', node, 'new');
      const seen: string[] = [];
      for (const down of [0, 1, 2, 3, 1, 2, 3]) {
        if (down !== 0) kit.quorum.takeDown(down);
        seen.push((await kit.contents())['k'] ?? '');
        if (down !== 0) kit.quorum.takeUp(down);
        await kit.quorum.pass(2_000);
      }
      const first = seen.indexOf('new');
      expect(first).toBeGreaterThan(-1);
      expect(seen).toEqual(seen.map((_, i) => (i < first ? 'old' : 'new')));
    }
  });

  it('of a state that was replaced after the listing are as they are then', async () => {
    const kit = new ExportKit();
    await kit.proxy.do('k', set('old'));
    await kit.proxy.do('gone', set('x'));
    const { records } = await kit.need(kit.records.list(0, '', 10));
    await kit.proxy.do('k', appendText(' and new'));
    await kit.proxy.do('gone', DEL);
    const values: (string | null)[] = [];
    for (const listed of records) {
      const stored = await kit.need(kit.records.read(0, listed));
      const opened = stored === null ? null : kit.quorum.seal.open(listed.id, stored.state)?.content.value;
      values.push(opened && !opened.paged ? String(opened.bytes) : null);
    }
    expect(new Set(values)).toEqual(new Set(['old and new', null]));
  });

  it('cannot be had without a quorum', async () => {
    const kit = new ExportKit();
    await kit.proxy.do('k', set('v'));
    kit.quorum.takeDown(1);
    kit.quorum.takeDown(2);
    expect(await kit.until(kit.records.list(0, '', 10))).toMatchObject({ ok: false, failure: { kind: 'unavailable' } });
  });

  it.each([
    [6, { a: 'old', b: 'old' }],
    [9, { a: 'new', b: 'new', c: 'new' }],
  ])('are without what a dead coordinator has left after %i COMMITs', async (commits, expected) => {
    const kit = new ExportKit();
    await kit.proxy.do('a', set('old'));
    await kit.proxy.do('b', set('old'));
    const keys = expected.a === 'old' ? ['a', 'b'] : ['a', 'b', 'c'];
    const other = kit.quorum.proxy();
    let left = commits + (keys.length === 3 ? 3 : 0);
    other.transport.fate = (_node, { type }) => (type === MessageType.commit && --left < 0 ? 'drop' : 'pass');
    other.coordinator.transact({
      keys: keys.map((key) => ({ namespace: 0, key: Buffer.from(key) })),
      access: 'write',
      needs: 'value',
      run: (view) => {
        for (let i = 0; i < keys.length; i++) view.apply(i, set('new'));
        return null;
      },
      done: () => {},
    });
    await kit.quorum.pass(20);
    other.transport.fate = () => 'drop';
    expect(await kit.contents()).toEqual(expected);
    expect(kit.quorum.stored(1, 'a')?.state.intent).toBeUndefined();
  });
});
