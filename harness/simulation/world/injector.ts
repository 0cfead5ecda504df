import { Cr3dentialsWebhookModule } from '../../../src/cr3dentials-webhook.module.js';

type Class = new (...dependencies: never[]) => unknown;
type Token = Class | symbol | string | (abstract new () => unknown);

interface Recipe {
  readonly provide: Token;
  readonly useClass?: Class;
  readonly useExisting?: Token;
  readonly useValue?: unknown;
  readonly useFactory?: (...dependencies: unknown[]) => unknown;
  readonly inject?: readonly Token[];
}

/** The providers that the module itself declares. */
const recipes = new Map<Token, Recipe>(
  (Reflect.getMetadata('providers', Cr3dentialsWebhookModule) as (Class | Recipe)[]).map((provider) =>
    typeof provider === 'function'
      ? [provider, { provide: provider, useClass: provider }]
      : [provider.provide, provider],
  ),
);

/** Makes the providers of the module on demand, as Nest does, but in microseconds. */
export class Injector {
  /** @param values providers that take the place of those of the module */
  constructor(private readonly values: Map<unknown, unknown>) {}

  get<T>(token: abstract new (...dependencies: never[]) => T): T {
    return this.#resolve(token as Token) as T;
  }

  #resolve(token: Token): unknown {
    if (this.values.has(token)) return this.values.get(token);
    const value = this.#make(token);
    this.values.set(token, value);
    return value;
  }

  #make(token: Token): unknown {
    const recipe = recipes.get(token);
    if (!recipe) throw new Error(`The module has no provider ${String((token as Class).name ?? token)}.`);
    if (recipe.useExisting) return this.#resolve(recipe.useExisting);
    if (recipe.useClass)
      return new recipe.useClass(...(dependenciesOf(recipe.useClass).map((one) => this.#resolve(one)) as never[]));
    if (recipe.useFactory) return recipe.useFactory(...(recipe.inject ?? []).map((one) => this.#resolve(one)));
    return recipe.useValue;
  }
}

function dependenciesOf(target: Class): Token[] {
  const types = (Reflect.getMetadata('design:paramtypes', target) ?? []) as Token[];
  const named = (Reflect.getMetadata('self:paramtypes', target) ?? []) as { index: number; param: Token }[];
  return types.map((type, index) => named.find((one) => one.index === index)?.param ?? type);
}
