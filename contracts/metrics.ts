/** Metrics of the platform; those of a service are in its metrics.ts. Names follow OpenTelemetry where it defines one. */
import { counter, gauge, histogram } from './kit/metric.ts';

export const rpcServerDuration = histogram('rpc_server_call_duration_seconds', {
  help: 'Calls served, by code.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});
export const rpcServerDropped = counter('polyb_rpc_server_dropped_total', {
  help: 'Requests dropped because their deadline had passed.',
  labels: { rpc_method: 'any' },
});
export const rpcServerInFlight = gauge('polyb_rpc_server_in_flight', {
  help: 'Calls in progress.',
  labels: { rpc_method: 'any' },
});
export const rpcClientDuration = histogram('rpc_client_call_duration_seconds', {
  help: 'Calls made, including retries, by code.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});

export const tapDropped = counter('polyb_tap_dropped_items_total', {
  help: 'Items of streams that a tap missed: those that the service did not publish to taps because its connection was behind, and all that a listener did not get.',
  labels: { rpc_method: 'any', at: ['service', 'listener'] },
});
export const busReconnects = counter('polyb_bus_reconnects_total', { help: 'Reconnections to the bus.' });
export const busRtt = gauge('polyb_bus_rtt_seconds', { help: 'Round-trip time to the bus server.' });

export const processCpuUser = counter('process_cpu_user_seconds_total', { help: 'User CPU time of the process of this instance.' });
export const processCpuSystem = counter('process_cpu_system_seconds_total', { help: 'System CPU time of the process of this instance.' });
export const processCpu = counter('process_cpu_seconds_total', { help: 'User and system CPU time of the process of this instance.' });
export const processMemory = gauge('process_resident_memory_bytes', { help: 'Resident memory of the process of this instance.' });
export const processStart = gauge('process_start_time_seconds', { help: 'Start time of the process of this instance, Unix time.' });

const template = { messaging_destination_template: 'any' } as const;
export const eventsSent = counter('messaging_client_sent_messages_total', {
  help: 'Durable events that a service emitted; events that the journal emits when a row ends are not included.',
  labels: template,
});
export const eventsConsumed = counter('messaging_client_consumed_messages_total', {
  help: 'Durable events that a service has processed.',
  labels: template,
});
export const eventDuration = histogram('messaging_process_duration_seconds', {
  help: 'Processing time of durable events, including failures.',
  labels: { ...template, error_type: 'any' },
});

export const runsTotal = counter('polyb_pipeline_runs_total', {
  help: 'Pipeline runs that ended; an expired run counts as a dead letter.',
  labels: { pipeline: 'any', outcome: ['done', 'failed', 'cancelled'] },
});
const longBounds = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];
export const runDuration = histogram('polyb_pipeline_run_duration_seconds', {
  help: 'Time from the start of a run to its end, including waits and approvals; runs that ended as done or failed.',
  labels: { pipeline: 'any' },
  bounds: longBounds,
});
export const stepDuration = histogram('polyb_pipeline_step_duration_seconds', {
  help: 'Time from the start of a step to its end, including retries and approvals.',
  labels: { pipeline: 'any', step: 'any', outcome: ['done', 'failed'] },
  bounds: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600],
});

const pool = { pool: ['work', 'leases'] } as const;
export const connectionsUsed = gauge('db_client_connections_used', { help: 'PostgreSQL connections in use.', labels: pool });
export const connectionsMost = gauge('db_client_connections_max', {
  help: 'Maximum PostgreSQL connections of the pool.',
  labels: pool,
});
export const connectionsWaiting = gauge('db_client_connections_pending_requests', {
  help: 'Requests that wait for a PostgreSQL connection.',
  labels: pool,
});
export const connectionsRefused = counter('db_client_connections_timeouts_total', {
  help: 'Requests refused as resource_exhausted because no PostgreSQL connection became free in time.',
  labels: pool,
});

export const providerRequests = counter('polyb_provider_requests_total', {
  help: 'HTTP requests to providers: ok, rejected, rate_limited, failed, or the error code when there was no reply.',
  labels: { provider: 'any', operation: 'any', outcome: 'any' },
});
export const circuitState = gauge('polyb_circuit_state', {
  help: 'Circuit breaker of a target: 0 closed, 1 half-open, 2 open.',
  labels: { target: 'any' },
});
export const providerChanges = counter('polyb_speech_provider_changes_total', {
  help: 'Times that another provider of speech took over in the middle of a talk or a text: after a failure, after silence, or because a preferred one works again.',
  labels: { kind: ['asr', 'tts'], from: 'any', to: 'any', why: ['failed', 'silent', 'recovered'] },
});
const genAi = { gen_ai_operation_name: 'any', gen_ai_provider_name: 'any', gen_ai_request_model: 'any' } as const;
export const genAiDuration = histogram('gen_ai_client_operation_duration_seconds', {
  help: 'Requests to language models.',
  labels: { ...genAi, error_type: 'any' },
  bounds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
});
export const genAiTokens = histogram('gen_ai_client_token_usage', {
  help: 'Tokens of a request to a language model, as counted by its provider.',
  labels: { ...genAi, gen_ai_token_type: ['input', 'output'] },
  bounds: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
});
