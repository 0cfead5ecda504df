import { handlerSets } from './handlers.js';
import { startHost } from './host.module.js';
import { hostSettings } from './host-settings.js';

await startHost(...handlerSets[hostSettings().handlers]);
