/** The door of `perdure/server`: an archive over HTTP, on this machine. */

export { type GatewayAnswered, type GatewayServer, type ServeGatewayOptions, serveGateway } from './server/gateway.ts'
export { type MetricsServer, type ServeMetricsOptions, serveMetrics } from './server/metrics.ts'
