/** Session of the sample in the provider's documentation, which the Test of its portal sends. */
export const SAMPLE_SESSION_ID = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';
