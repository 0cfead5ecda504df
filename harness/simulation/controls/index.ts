import type { Control } from './control.js';
import { processingControls } from './processing.js';
import { recordingControls } from './recording.js';
import { transactionsControls } from './transactions.js';

export const controls: readonly Control[] = [...recordingControls, ...transactionsControls, ...processingControls];

export type { Control };
