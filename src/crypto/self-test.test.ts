import { describe, expect, it } from 'vitest';
import { cryptoSelfTest } from './self-test.ts';
import type { Sodium } from './sodium.ts';
import { loadSodium, sodium } from './sodium.ts';

function withDefect(defect: Partial<Sodium>): () => { ok: true; sodium: Sodium } {
  const real = sodium();
  const whole: Sodium = {
    crypto_aead_xchacha20poly1305_ietf_encrypt: real.crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_decrypt: real.crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_generichash: real.crypto_generichash,
    sodium_malloc: real.sodium_malloc,
    sodium_memcmp: real.sodium_memcmp,
    ...defect,
  };
  return () => ({ ok: true, sodium: whole });
}

describe('the self-test', () => {
  it('is content with this machine', () => {
    expect(cryptoSelfTest()).toBeNull();
    expect(loadSodium()).toBe(loadSodium());
  });

  it('says what to install when a system library is missing', () => {
    const reason = 'libstdc++.so.6: cannot open shared object file: No such file or directory\nRequire stack:\n- x';
    const text = cryptoSelfTest(() => ({ ok: false, reason }));
    expect(text).toContain('holds libstdc++.so.6');
    expect(text).toContain('apt-get install');
    expect(text).not.toContain('Require stack');
  });

  it('says what to do when the package or its prebuilt library is missing', () => {
    expect(cryptoSelfTest(() => ({ ok: false, reason: "Cannot find module 'sodium-native'" }))).toContain('npm ci');
    expect(cryptoSelfTest(() => ({ ok: false, reason: 'invalid ELF header' }))).toContain(
      'Prebuilt libraries exist for',
    );
  });

  it('notices wrong answers', () => {
    const sealsNothing = withDefect({ crypto_aead_xchacha20poly1305_ietf_encrypt: (c) => c.length });
    expect(cryptoSelfTest(sealsNothing)).toContain('seals wrongly');
    const opensNothing = withDefect({ crypto_aead_xchacha20poly1305_ietf_decrypt: (m) => m.length });
    expect(cryptoSelfTest(opensNothing)).toContain('opens wrongly');
    const plain = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const opensAll = withDefect({
      crypto_aead_xchacha20poly1305_ietf_decrypt: (m) => {
        m.set(plain);
        return m.length;
      },
    });
    expect(cryptoSelfTest(opensAll)).toContain('opens damaged bytes');
    expect(cryptoSelfTest(withDefect({ crypto_generichash() {} }))).toContain('BLAKE2b');
    const throwing = withDefect({
      crypto_generichash() {
        throw new Error('illegal instruction');
      },
    });
    expect(cryptoSelfTest(throwing)).toContain('illegal instruction');
  });
});
