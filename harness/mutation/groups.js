/** What decides whether a delivery is lost, a stranger let in, or something read that must not be; and the specs that say how, the quickest first. */
export const groups = {
  authentication: {
    files: ['src/authentication/*.ts', '!src/authentication/auth.options.ts', '!src/authentication/secret.warnings.ts'],
    specs: ['test/unit/authentication/*.spec.ts', 'test/e2e/authentication/*.spec.ts'],
  },
  contract: {
    files: [
      'src/contract/*.ts',
      'src/http/*.ts',
      '!src/contract/platforms.options.ts',
      '!src/http/http.options.ts',
      '!src/http/webhook-header.ts',
      '!src/http/webhook-request.ts',
      '!src/http/webhook-routes.ts',
    ],
    specs: [
      'test/unit/contract/*.spec.ts',
      'test/unit/http/*.spec.ts',
      'test/e2e/receiving/answers-contract.spec.ts',
      'test/e2e/receiving/answers-bytes.spec.ts',
      'test/e2e/receiving/answers-unreadable.spec.ts',
      'test/e2e/receiving/answers.spec.ts',
      'test/e2e/receiving/answers-unavailable.spec.ts',
      'test/e2e/authentication/authentication.spec.ts',
      'test/e2e/receiving/shutdown-connections.spec.ts',
      'test/e2e/receiving/platform-data.spec.ts',
      'test/e2e/receiving/inbox-payload.spec.ts',
      'test/e2e/host-apps/host-settings-errors.spec.ts',
      'test/e2e/host-apps/host-settings-interceptors.spec.ts',
    ],
  },
  verdicts: {
    files: [
      'src/inbox/claimed-delivery.ts',
      'src/inbox/delivery.identity.ts',
      'src/inbox/group-commit.writer.ts',
      'src/inbox/webhook.receiver.ts',
    ],
    specs: [
      'test/unit/inbox/*.spec.ts',
      'test/integration/inbox/group-commit-writer.spec.ts',
      'test/e2e/receiving/platform-data.spec.ts',
      'test/e2e/authentication/authentication-resolver-failures.spec.ts',
      'test/e2e/receiving/answers-unavailable.spec.ts',
      'test/e2e/receiving/answers.spec.ts',
      'test/e2e/receiving/inbox.spec.ts',
      'test/e2e/receiving/inbox-payload.spec.ts',
      'test/integration/inbox/group-commit.spec.ts',
    ],
  },
  'state transitions': {
    files: [
      'src/inbox/delivery.repository.ts',
      'src/inbox/claim.repository.ts',
      'src/inbox/rescue.repository.ts',
      'src/inbox/delivery-state.repository.ts',
      'src/inbox/settlement.repository.ts',
      'src/inbox/inbox.queries.ts',
      'src/inbox/state-index.queries.ts',
      'src/processing/dispatch/delivery.settler.ts',
      'src/processing/dispatch/outcome.writer.ts',
      'src/processing/dispatch/completion.writer.ts',
      'src/operations/*.ts',
      'src/processing/worker/delivery.rescuer.ts',
    ],
    specs: [
      'test/conformance/claims.spec.ts',
      'test/conformance/without-returning.spec.ts',
      'test/e2e/operations/inbox-states.spec.ts',
      'test/e2e/operations/inbox-reading.spec.ts',
      'test/e2e/operations/operators-discard.spec.ts',
      'test/e2e/processing/retries.spec.ts',
      'test/e2e/processing/crash-loops.spec.ts',
      'test/e2e/operations/operators.spec.ts',
      'test/e2e/operations/operators-rejections*.spec.ts',
      'test/e2e/receiving/platform-data.spec.ts',
      'test/e2e/receiving/inbox.spec.ts',
      'test/e2e/processing/workers-leases.spec.ts',
      'test/e2e/processing/workers-unwritable.spec.ts',
      'test/e2e/processing/workers-shutdown.spec.ts',
    ],
  },
  'retry policy': {
    files: ['src/processing/dispatch/retry.policy.ts'],
    specs: ['test/unit/processing/dispatch/*.spec.ts', 'test/e2e/processing/retries*.spec.ts'],
  },
  encryption: {
    files: ['src/encryption/*.ts', 'src/inbox/content.columns.ts', '!src/encryption/encryption.options.ts'],
    specs: ['test/unit/encryption/*.spec.ts', 'test/e2e/encryption/!(rotation|*.servers).spec.ts'],
  },
  erasure: {
    files: [
      'src/retention/{eraser,erasure.*}.ts',
      'src/inbox/tombstone.repository.ts',
      '!src/retention/erasure.options.ts',
    ],
    specs: ['test/e2e/retention/erasure.spec.ts', 'test/e2e/retention/erasure-races.spec.ts'],
  },
  retention: {
    files: ['src/retention/{batch.size,retention.repository,retention.runner}.ts'],
    specs: ['test/unit/retention/*.spec.ts', 'test/e2e/retention/retention.spec.ts'],
  },
};

/** Where a run of one group puts what it found. */
export function reportOf(group, kind = 'json') {
  return `.build/mutation/${group.replaceAll(' ', '-')}.${kind}`;
}
