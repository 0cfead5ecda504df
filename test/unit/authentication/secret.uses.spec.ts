import { describe, expect, it } from '@jest/globals';
import { SecretUses } from '../../../src/authentication/secret.uses.js';
import { SharedSecrets } from '../../../src/authentication/shared-secrets.js';

const NOW = Date.UTC(2026, 0, 31);
const SECRETS = 1_000;

describe('the uses of resolved secrets', () => {
  it('are remembered for those that were used last', () => {
    const uses = new SecretUses(new SharedSecrets([]), { now: () => NOW });
    for (let n = 0; n < SECRETS + 2; n++) {
      const secrets = new SharedSecrets(['secret', 'unused']);
      secrets.verify('secret', NOW);
      uses.addResolved(n === SECRETS ? 'tenant 0' : `tenant ${n}`, secrets); // the first one is used once more
    }
    const list = uses.list();
    expect(list).toHaveLength(SECRETS);
    expect(list.at(-2)).toEqual({
      id: 'secrets[0]',
      tenant: 'tenant 0',
      uses: 2,
      lastUsedAt: NOW,
      isExpired: false,
    });
    expect(list.map(({ tenant }) => tenant)).not.toContain('tenant 1');
  });
});
