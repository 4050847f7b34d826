/** Every metric of the platform; docs/reference/metrics.md is made from here. Names follow OpenTelemetry where it has one. */
import { counter, gauge, histogram } from './kit/metric.ts';

export const rpcServerDuration = histogram('rpc_server_call_duration_seconds', {
  help: 'Calls that a service answered, by how they ended.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});
export const rpcServerDropped = counter('polyb_rpc_server_dropped_total', {
  help: 'Calls that nobody waited for any more, so that they were not begun.',
  labels: { rpc_method: 'any' },
});
export const rpcServerInFlight = gauge('polyb_rpc_server_in_flight', {
  help: 'Calls that a service works on.',
  labels: { rpc_method: 'any' },
});
export const rpcClientDuration = histogram('rpc_client_call_duration_seconds', {
  help: 'Calls that a service made, with their repeats, by how they ended.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});

export const busReconnects = counter('polyb_bus_reconnects_total', { help: 'Times that the bus connection dropped and came back.' });
export const busRtt = gauge('polyb_bus_rtt_seconds', { help: 'Round trip to the bus server.' });

export const processCpuUser = counter('process_cpu_user_seconds_total', { help: 'User CPU time of the process of this instance.' });
export const processCpuSystem = counter('process_cpu_system_seconds_total', { help: 'System CPU time of the process of this instance.' });
export const processCpu = counter('process_cpu_seconds_total', { help: 'User and system CPU time of the process of this instance.' });
export const processMemory = gauge('process_resident_memory_bytes', { help: 'Resident memory of the process of this instance.' });
export const processStart = gauge('process_start_time_seconds', { help: 'When the process of this instance began, Unix time.' });

export const buildInfo = gauge('polyb_build_info', { help: '1, labelled with what runs.', labels: { version: 'any', node: 'any' } });
export const serviceReady = gauge('polyb_service_ready', {
  help: '1 for a service that answers, 0 for one that should: GATEWAY_EXPECTED_SERVICES, and any that has answered before.',
  labels: { service: 'any' },
  isShared: true,
});
export const httpServerDuration = histogram('http_server_request_duration_seconds', {
  help: 'HTTP requests by route and status.',
  labels: { http_request_method: 'any', http_route: 'any', http_response_status_code: 'any' },
});

const template = { messaging_destination_template: 'any' } as const;
export const eventsSent = counter('messaging_client_sent_messages_total', {
  help: 'Durable events that a service told with what it committed; those that the journal tells by itself when a row ends are not among them.',
  labels: template,
});
export const eventsConsumed = counter('messaging_client_consumed_messages_total', {
  help: 'Durable events that a service has handled for good.',
  labels: template,
});
export const eventDuration = histogram('messaging_process_duration_seconds', {
  help: 'How long the handling of a durable event took, those that failed among them.',
  labels: { ...template, error_type: 'any' },
});

export const runsTotal = counter('polyb_pipeline_runs_total', {
  help: 'Runs of pipelines that ended; one whose time was over is a dead letter.',
  labels: { pipeline: 'any', outcome: ['done', 'failed', 'cancelled'] },
});
const longBounds = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];
export const runDuration = histogram('polyb_pipeline_run_duration_seconds', {
  help: 'From the start of a run to its end, waits and approvals included; runs that were done or failed.',
  labels: { pipeline: 'any' },
  bounds: longBounds,
});
export const stepDuration = histogram('polyb_pipeline_step_duration_seconds', {
  help: 'From the start of a step to its end, retries and approvals included.',
  labels: { pipeline: 'any', step: 'any', outcome: ['done', 'failed'] },
  bounds: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600],
});

export const dlqMessages = gauge('polyb_dlq_messages', {
  help: 'Dead letters by what they were to do, counted up to 10000.',
  labels: { stream: 'any' },
  isShared: true,
});
export const dlqOldest = gauge('polyb_dlq_oldest_age_seconds', {
  help: 'Age of the oldest dead letter.',
  labels: { stream: 'any' },
  isShared: true,
});
export const approvalsPending = gauge('polyb_approvals_pending', {
  help: 'Proposals that wait for a person, counted up to 10000; `none` is what goes to no channel.',
  labels: { channel: 'any' },
  isShared: true,
});
export const approvalsOldest = gauge('polyb_approvals_oldest_age_seconds', {
  help: 'Age of the oldest proposal that waits; 0 when none does.',
  isShared: true,
});
export const reviewsPending = gauge('polyb_reviews_pending', {
  help: 'Attempts whose outcome is not known and that wait for a person, counted up to 10000.',
  isShared: true,
});
export const consumerLag = gauge('polyb_consumer_lag_seconds', {
  help: 'Age of the oldest event that a consumer has not handled; 0 when it has handled all.',
  labels: { consumer: 'any' },
  isShared: true,
});
export const oldestTransaction = gauge('polyb_store_oldest_transaction_seconds', {
  help: 'How long the oldest open transaction that has written is open; no consumer reads past it.',
  isShared: true,
});
const pool = { pool: ['work', 'leases'] } as const;
export const connectionsUsed = gauge('db_client_connections_used', { help: 'Connections to PostgreSQL in use.', labels: pool });
export const connectionsMost = gauge('db_client_connections_max', {
  help: 'Connections to PostgreSQL that the pool opens at most.',
  labels: pool,
});
export const connectionsWaiting = gauge('db_client_connections_pending_requests', {
  help: 'Requests that wait for a connection to PostgreSQL.',
  labels: pool,
});
export const connectionsRefused = counter('db_client_connections_timeouts_total', {
  help: 'Requests that got no connection to PostgreSQL in time, and were refused as resource_exhausted.',
  labels: pool,
});
export const approvalDecision = histogram('polyb_approval_decision_seconds', {
  help: 'From the proposal to the decision of a person.',
  labels: { decision: ['approved', 'rejected'] },
  bounds: [5, 15, 30, 60, 120, 300, 900, 1_800, 3_600, 14_400, 86_400],
});

export const callsActive = gauge('polyb_calls_active', { help: 'Phone calls that have begun and not ended.', isShared: true });
export const callsTotal = counter('polyb_calls_total', {
  help: 'Phone calls that ended.',
  labels: { direction: ['in', 'out'], outcome: 'any' },
});
export const messagesTotal = counter('polyb_messages_total', {
  help: 'Messages that were stored, each once.',
  labels: { channel: 'any', direction: ['in', 'out'] },
});
export const unreadTotal = counter('polyb_updates_unread_total', {
  help: 'Updates, or parts of messages, of a kind that is not readable; they are kept raw.',
  labels: { channel: 'any', type: 'any' },
});
export const intentsTotal = counter('polyb_intents_total', {
  help: 'Messages that were judged, each time that they were.',
  labels: { intent: 'any', urgent: ['true', 'false'] },
});

export const providerRequests = counter('polyb_provider_requests_total', {
  help: 'HTTP requests to providers: ok, rejected, rate_limited, failed, or the code of the error when there was no answer.',
  labels: { provider: 'any', operation: 'any', outcome: 'any' },
});
export const circuitState = gauge('polyb_circuit_state', {
  help: '0 when requests go to the target, 1 when the next one tries it, 2 when it is left alone.',
  labels: { target: 'any' },
});
const genAi = { gen_ai_operation_name: 'any', gen_ai_provider_name: 'any', gen_ai_request_model: 'any' } as const;
export const genAiDuration = histogram('gen_ai_client_operation_duration_seconds', {
  help: 'Requests to language models.',
  labels: { ...genAi, error_type: 'any' },
  bounds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
});
export const genAiTokens = histogram('gen_ai_client_token_usage', {
  help: 'Tokens of a request to a language model, as its provider counts them.',
  labels: { ...genAi, gen_ai_token_type: ['input', 'output'] },
  bounds: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
});
