import { execFileSync } from 'node:child_process';

/** A network of machines that only the harness uses: namespaces on one bridge. Needs root, and Linux. */
export class PrivateNetwork {
  static #networks = 0;
  readonly #namespaces: NetworkNamespace[] = [];
  #hosts = 1;

  private constructor(
    private readonly prefix: string,
    private readonly bridge: string,
  ) {
    process.once('exit', this.#removeNow);
  }

  static create(): PrivateNetwork {
    if (process.getuid?.() !== 0) throw new Error('Only root can create network namespaces. Run as root, on Linux.');
    // Names and addresses are free for as long as there is one harness on this machine.
    const number = PrivateNetwork.#networks++;
    const network = new PrivateNetwork(`10.213.${70 + number}`, `cr3dchaos${number}`);
    const { bridge } = network;
    removeLink(bridge); // of a harness that was killed
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('addr', 'add', `${network.address}/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    return network;
  }

  /** The address of this machine in it. */
  get address(): string {
    return `${this.prefix}.1`;
  }

  /** The addresses of its machines, as PostgreSQL and MariaDB write them. */
  get addresses(): { readonly mask: string; readonly pattern: string } {
    return { mask: `${this.prefix}.0/24`, pattern: `${this.prefix}.%` };
  }

  /** Adds a machine. */
  add(): NetworkNamespace {
    const nextAddress = () => `${this.prefix}.${++this.#hosts}`;
    const namespace = new NetworkNamespace(this.bridge, this.#namespaces.length, nextAddress);
    this.#namespaces.push(namespace);
    return namespace;
  }

  remove(): void {
    process.off('exit', this.#removeNow);
    this.#removeNow();
  }

  readonly #removeNow = (): void => {
    for (const namespace of this.#namespaces) namespace.remove();
    removeLink(this.bridge);
  };
}

/** A machine of its own, as far as the network goes. */
export class NetworkNamespace {
  readonly name: string;
  #address = '';

  /** @param nextAddress returns an address that was never used */
  constructor(
    private readonly bridge: string,
    number: number,
    private readonly nextAddress: () => string,
  ) {
    this.name = `${bridge}-${number}`;
    this.replace();
  }

  get address(): string {
    return this.#address;
  }

  /** Returns the command that runs a program in it. */
  command(program: string): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.name, program];
  }

  /** Drops every packet, in both directions, without a word to anybody. */
  disconnect(): void {
    ip('-n', this.name, 'link', 'set', 'eth0', 'down');
  }

  connect(): void {
    ip('-n', this.name, 'link', 'set', 'eth0', 'up');
  }

  /** Puts another machine in its place, at an address that nobody has heard of: nothing answers at the one before. */
  replace(): void {
    this.remove();
    this.#address = this.nextAddress();
    ip('netns', 'add', this.name);
    ip('link', 'add', this.#outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name);
    ip('link', 'set', this.#outside, 'master', this.bridge, 'up');
    ip('-n', this.name, 'addr', 'add', `${this.#address}/24`, 'dev', 'eth0');
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    this.connect();
  }

  remove(): void {
    attempt('netns', 'del', this.name);
    removeLink(this.#outside);
  }

  /** Its cable, at this end. */
  get #outside(): string {
    return `${this.name}h`;
  }
}

function removeLink(name: string): void {
  attempt('link', 'del', name);
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** It may be gone. */
function attempt(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // there is nothing to remove
  }
}
