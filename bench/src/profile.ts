import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Contender } from './contenders/index.js';
import type { DatabaseKind } from './database.js';
import { runContender } from './requests/run.js';

const CONNECTIONS = 64;
const SHOWN_LINES = 40;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Loads one contender under the profiler, and says where its own time went while it was measured. */
export async function profile(contender: Contender, kind: DatabaseKind, seconds: number, out: string): Promise<string> {
  const folder = join(out, 'profiles', contender.name);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(/\D/g, '')}.cpuprofile`);
  const run = await runContender(contender, CONNECTIONS, kind, { warmUp: 2, duration: seconds }, resolve(file));
  const times = selfTimes(JSON.parse(await readFile(file, 'utf8')) as CpuProfile);
  return [
    `${contender.label}: ${run.rate.toFixed(0)} ack/s under the profiler, ${file}`,
    ...describe('by function', times.functions),
    ...describe('by package or file', times.groups),
  ].join('\n');
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const groups = new Map<string, number>();
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (!frame || frame.functionName === '(idle)') return;
    const time = timeDeltas[index] ?? 0;
    const place = shorten(frame.url);
    add(functions, `${frame.functionName || '(anonymous)'} ${place}${place ? `:${frame.lineNumber + 1}` : ''}`, time);
    add(groups, groupOf(place) || frame.functionName, time);
  });
  return { functions, groups };
}

function add(to: Map<string, number>, key: string, time: number): void {
  to.set(key, (to.get(key) ?? 0) + time);
}

function shorten(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, 'dist/');
}

/** A package as a whole, and our own files one by one. */
function groupOf(place: string): string {
  if (place.startsWith('dist/') || place.startsWith('node:')) return place;
  return /^(@[^/]+\/[^/]+|[^/]+)/.exec(place)?.[0] ?? '';
}

function describe(title: string, times: ReadonlyMap<string, number>): string[] {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const largest = [...times].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN_LINES);
  return [
    '',
    `Self time ${title}`,
    ...largest.map(([what, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${what}`),
  ];
}
