/**
 * Terminal statuses of a verification session, as the provider documents them.
 *
 * @publicApi
 */
export const verificationStatuses = ['COMPLETED', 'PARTIAL_COMPLETE', 'ERROR', 'CANCELLED', 'TERMINATED'] as const;

/**
 * One of `verificationStatuses`.
 *
 * @publicApi
 */
export type VerificationStatus = (typeof verificationStatuses)[number];

export function isVerificationStatus(status: string): status is VerificationStatus {
  return (verificationStatuses as readonly string[]).includes(status);
}
