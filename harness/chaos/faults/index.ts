import type { Fault } from '../fault.js';
import { diskFaults } from './disks.js';
import { machineFaults } from './machines.js';
import { networkFaults } from './network.js';
import { processFaults } from './processes.js';
import { serverFaults } from './servers.js';
import { sessionFaults } from './sessions.js';

export const faults: readonly Fault[] = [
  ...processFaults,
  ...serverFaults,
  ...networkFaults,
  ...machineFaults,
  ...sessionFaults,
  ...diskFaults,
];
