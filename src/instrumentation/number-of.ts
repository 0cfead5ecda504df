/** Returns a number with its noun, in singular or plural. */
export function numberOf(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

export function numberOfDeliveries(count: number): string {
  return numberOf(count, 'delivery', 'deliveries');
}
