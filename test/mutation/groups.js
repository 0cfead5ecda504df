/** What decides whether a delivery is lost or a stranger let in; and the specs that say how, the quickest first. */
export const groups = {
  authentication: {
    files: ['src/authentication/*.ts', '!src/authentication/auth.options.ts', '!src/authentication/secret.warnings.ts'],
    specs: ['test/unit/authentication/*.spec.ts', 'test/e2e/authentication*.spec.ts'],
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
      'test/e2e/answers-contract.spec.ts',
      'test/e2e/answers-bytes.spec.ts',
      'test/e2e/answers-unreadable.spec.ts',
      'test/e2e/answers.spec.ts',
      'test/e2e/answers-unavailable.spec.ts',
      'test/e2e/authentication.spec.ts',
      'test/e2e/shutdown.connections.spec.ts',
      'test/e2e/platform-data.spec.ts',
      'test/e2e/inbox-payload.spec.ts',
      'test/e2e/host-settings-errors.spec.ts',
      'test/e2e/host-settings-interceptors.spec.ts',
    ],
  },
  verdicts: {
    files: [
      'src/inbox/delivery.factory.ts',
      'src/inbox/delivery.identity.ts',
      'src/inbox/group-commit.writer.ts',
      'src/inbox/webhook.receiver.ts',
    ],
    specs: [
      'test/unit/inbox/*.spec.ts',
      'test/integration/group-commit-writer.spec.ts',
      'test/e2e/platform-data.spec.ts',
      'test/e2e/authentication-resolver.failures.spec.ts',
      'test/e2e/answers-unavailable.spec.ts',
      'test/e2e/answers.spec.ts',
      'test/e2e/inbox.spec.ts',
      'test/e2e/inbox-payload.spec.ts',
      'test/integration/group-commit.spec.ts',
    ],
  },
  'state transitions': {
    files: [
      'src/inbox/delivery.repository.ts',
      'src/inbox/operator.repository.ts',
      'src/processing/dispatch/delivery.settler.ts',
      'src/processing/dispatch/completion.writer.ts',
      'src/operations/*.ts',
      'src/processing/worker/delivery.rescuer.ts',
    ],
    specs: [
      'test/integration/claims.spec.ts',
      'test/integration/portable.spec.ts',
      'test/e2e/inbox-states.spec.ts',
      'test/e2e/inbox-reading.spec.ts',
      'test/e2e/operators.discard.spec.ts',
      'test/e2e/retries.spec.ts',
      'test/e2e/crash-loops.spec.ts',
      'test/e2e/operators.spec.ts',
      'test/e2e/operators.rejections*.spec.ts',
      'test/e2e/platform-data.spec.ts',
      'test/e2e/inbox.spec.ts',
      'test/e2e/workers.leases.spec.ts',
      'test/e2e/workers.unwritable.spec.ts',
      'test/e2e/workers.shutdown.spec.ts',
    ],
  },
  'retry policy': {
    files: ['src/processing/dispatch/retry.policy.ts'],
    specs: ['test/unit/processing/dispatch/*.spec.ts', 'test/e2e/retries*.spec.ts'],
  },
};

/** Where a run of one group puts what it found. */
export function reportOf(group, kind = 'json') {
  return `.build/mutation/${group.replaceAll(' ', '-')}.${kind}`;
}
