import type { Fault } from '../fault.js';
import { diskFaults } from './disks.js';
import { networkFaults } from './network.js';
import { processFaults } from './processes.js';
import { serverFaults } from './servers.js';

export const faults: readonly Fault[] = [...processFaults, ...serverFaults, ...networkFaults, ...diskFaults];
