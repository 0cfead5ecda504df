import type { ComponentType } from 'preact';
import type { Session } from '../../api/contract.js';
import { Actions } from '../actions/actions.js';
import { DeadLetters } from '../dead/dead-letters.js';
import { Deliveries } from '../deliveries/deliveries.js';
import { Handlers } from '../handlers/handlers.js';
import { Instances } from '../instances/instances.js';
import { Overview } from '../overview/overview.js';
import { Rejections } from '../rejections/rejections.js';
import { Secrets } from '../secrets/secrets.js';
import type { PageName } from '../words/index.js';
import type { Route } from './router.js';

export interface PageProps {
  readonly route: Route;
}

export interface PageOfMenu {
  readonly name: PageName;
  /** Key after `g`. */
  readonly key: string;
  readonly component: ComponentType<PageProps>;
  /** Set if it is of the whole inbox, and so not for an operator of some tenants. */
  readonly isOfAllTenants?: boolean;
}

/** The pages in the order of the menu, which is that of the journey. */
const PAGES: readonly PageOfMenu[] = [
  { name: 'overview', key: 'o', component: Overview, isOfAllTenants: true },
  { name: 'deliveries', key: 'd', component: Deliveries },
  { name: 'dead', key: 'x', component: DeadLetters },
  { name: 'rejections', key: 'r', component: Rejections },
  { name: 'handlers', key: 'h', component: Handlers, isOfAllTenants: true },
  { name: 'secrets', key: 's', component: Secrets, isOfAllTenants: true },
  { name: 'instances', key: 'i', component: Instances, isOfAllTenants: true },
  { name: 'actions', key: 'a', component: Actions, isOfAllTenants: true },
];

export function pagesFor({ tenants }: Session): readonly PageOfMenu[] {
  return PAGES.filter(({ isOfAllTenants }) => tenants === null || !isOfAllTenants);
}
