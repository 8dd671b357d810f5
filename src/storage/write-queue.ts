import type { Engine, EngineCallback, EngineChange } from './engine.ts';

/** Lets several write to an engine that takes one batch at a time: in the order they asked. */
export class WriteQueue {
  readonly #engine: Pick<Engine, 'write'>;
  readonly #waiting: (() => void)[] = [];
  #writing = false;

  constructor(engine: Pick<Engine, 'write'>) {
    this.#engine = engine;
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    if (this.#writing) {
      this.#waiting.push(() => this.#start(changes, callback));
      return;
    }
    this.#start(changes, callback);
  }

  #start(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    this.#writing = true;
    this.#engine.write(changes, (error) => {
      this.#writing = false;
      this.#waiting.shift()?.();
      callback(error, undefined);
    });
  }
}
