import 'reflect-metadata';
import { parseArguments } from './arguments.js';
import { runControls, runSchedules } from './campaign.js';
import { Simulation } from './simulation.js';

Error.stackTraceLimit = 0; // errors are made by the thousand
const choices = parseArguments(process.argv.slice(2));
const simulation = await Simulation.open(choices.database);
const say = (line: string) => process.stdout.write(`${line}\n`);
const isGood = choices.controls
  ? await runControls(simulation, choices, say)
  : await runSchedules(simulation, choices, say);
await simulation.close();
process.exit(isGood ? 0 : 1);
