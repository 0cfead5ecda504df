export { promClient, type PromClientOptions } from './prom-client.js';
