import { general } from './general.js';
import { ofDeliveries } from './deliveries.js';
import { ofInbox } from './inbox.js';
import { ofWork } from './work.js';

/** All words of the page. */
export const words = { ...general, ...ofInbox, ...ofDeliveries, ...ofWork };

export type PageName = keyof typeof words.pages;
