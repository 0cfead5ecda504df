import type { SharedSecret } from 'nestjs-cr3dentials-webhook';
import { secret } from '../demo/environment.js';

const { METRICS_PORT = '9464', PROMETHEUS_PORT = '9090', PROMETHEUS = 'prometheus', PROCESSING = 'on' } = process.env;
const { CR3D_OLD_SECRET, CR3D_OLD_SECRET_ENDS = '' } = process.env;

/** Where OpenTelemetry answers Prometheus. */
export const metricsPort = Number(METRICS_PORT);
export const prometheusPort = Number(PROMETHEUS_PORT);
/** The program, by its name or its path. */
export const prometheus = PROMETHEUS;
/** `off` makes an instance that only receives: its deliveries wait, and an alert says so. */
export const isProcessing = PROCESSING !== 'off';

/** The secret of the portal and, during a rotation, the one before it. Metrics have their ids, never their values. */
export const secrets: SharedSecret[] = [
  { id: 'current', value: secret },
  ...(CR3D_OLD_SECRET ? [{ id: 'old', value: CR3D_OLD_SECRET, notAfter: new Date(CR3D_OLD_SECRET_ENDS) }] : []),
];
