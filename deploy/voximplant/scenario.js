/**
 * Scenario for TELEPHONY_KIND=voximplant. Create an application with this scenario and one rule for all numbers; VOXIMPLANT_RULE_ID is its
 * id. For inbound calls put the URL of VOXIMPLANT_INBOUND_PATH into `inboundUrl`.
 *
 * One session is one call. Its audio travels over one WebSocket in both directions; everything else is a message with `customEvent`:
 * ringing, answered, key { digit }, ended { code, by } to the system; answer, reject, hang_up, hold, resume, clear, keys { digits } and
 * transfer { to } from it.
 */
const inboundUrl = '';

let call = null;
let second = null;
let socket = null;
let isOver = false;

function tell(customEvent, fields) {
  if (socket !== null) socket.send(JSON.stringify({ customEvent, ...fields }));
}
/** The session ends when the socket has taken the last message. */
function finish(code, by) {
  if (isOver) return;
  isOver = true;
  tell('ended', { code, by });
  if (socket !== null) socket.close();
  VoxEngine.terminate();
}
function obey({ customEvent, digits, to }) {
  switch (customEvent) {
    case 'answer':
      call.answer();
      break;
    case 'reject':
      call.decline(486);
      finish(486, 'system');
      break;
    case 'hang_up':
      call.hangup();
      finish(null, 'system');
      break;
    case 'hold':
      call.hold();
      break;
    case 'resume':
      call.unhold();
      break;
    case 'clear':
      socket.clearMediaBuffer();
      break;
    case 'keys':
      call.sendDigits(digits);
      break;
    case 'transfer':
      transfer(to);
      break;
  }
}
/** The caller and the other person go on without the system. */
function transfer(to) {
  second = VoxEngine.callPSTN(to.replace(/^\+/, ''), call.callerid());
  second.addEventListener(CallEvents.Connected, () => {
    socket.stopMediaTo(call);
    call.stopMediaTo(socket);
    VoxEngine.sendMediaBetween(call, second);
  });
  second.addEventListener(CallEvents.Failed, ({ code }) => finish(code, 'network'));
  second.addEventListener(CallEvents.Disconnected, () => {
    call.hangup();
    finish(null, 'remote');
  });
}
function follow() {
  call.handleTones(true);
  call.addEventListener(CallEvents.Ringing, () => tell('ringing'));
  call.addEventListener(CallEvents.Connected, () => {
    tell('answered');
    call.sendMediaTo(socket, { encoding: WebSocketAudioEncoding.ULAW, tag: 'call' });
    socket.sendMediaTo(call);
  });
  call.addEventListener(CallEvents.ToneReceived, ({ tone }) => tell('key', { digit: tone }));
  call.addEventListener(CallEvents.Failed, ({ code }) => finish(code, 'network'));
  call.addEventListener(CallEvents.Disconnected, () => finish(null, 'remote'));
}
/** @param begin starts the call once the system is there; without the system there is no call */
function connect(url, begin) {
  socket = VoxEngine.createWebSocket(url);
  socket.addEventListener(WebSocketEvents.OPEN, begin);
  socket.addEventListener(WebSocketEvents.MESSAGE, ({ text }) => {
    if (text === undefined) return;
    const message = JSON.parse(text);
    if (message.customEvent !== undefined) obey(message);
  });
  socket.addEventListener(WebSocketEvents.ERROR, () => VoxEngine.terminate());
  socket.addEventListener(WebSocketEvents.CLOSE, () => {
    // Whoever talks is not left alone on the line.
    if (call !== null && !isOver) call.hangup();
    VoxEngine.terminate();
  });
}

VoxEngine.addEventListener(AppEvents.Started, () => {
  const data = VoxEngine.customData();
  if (!data) return; // An inbound call follows.
  const { u: url, n: number, c: callerId, s: seconds } = JSON.parse(data);
  connect(url, () => {
    call = VoxEngine.callPSTN(number, callerId);
    follow();
    setTimeout(() => {
      if (call.state() === 'CONNECTED') return;
      call.hangup();
      finish(408, 'network');
    }, seconds * 1000);
  });
});
VoxEngine.addEventListener(AppEvents.CallAlerting, (event) => {
  call = event.call;
  const query = `from=${encodeURIComponent(event.callerid)}&to=${encodeURIComponent(event.destination)}`;
  connect(`${inboundUrl}?${query}`, follow);
});
VoxEngine.addEventListener(AppEvents.HttpRequest, () => {
  if (call !== null) call.hangup();
  finish(null, 'system');
  return 'ended';
});
