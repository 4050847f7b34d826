/** A browser's side of a call, made with the same library: it speaks in real time and keeps what it hears. */
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';

const codec = (name: string, payloadType: number) =>
  new RTCRtpCodecParameters({ mimeType: `audio/${name}`, clockRate: 8_000, channels: 1, payloadType });
const pcmu = codec('PCMU', 0);
const events = codec('telephone-event', 126);
const keys = '0123456789*#ABCD';
const frameBytes = 160;
const silence = new Uint8Array(frameBytes).fill(0xff);

export interface FakeBrowser {
  readonly offer: string;
  accept(answer: string): Promise<void>;
  isConnected(): boolean;
  /** Queues audio, a multiple of 20 ms. */
  speak(audio: Uint8Array): void;
  /** As RFC 4733 has it: three packets at the beginning, three at the end. */
  press(digit: string): void;
  /** Without the silence between. */
  heard(): Uint8Array;
  /** Packets of audio so far, silence included. */
  packets(): number;
  /** The tab is gone: nothing is sent any more, and nothing said. */
  vanish(): Promise<void>;
}

export async function fakeBrowser(address = '127.0.0.1'): Promise<FakeBrowser> {
  const connection = new RTCPeerConnection({
    iceServers: [],
    codecs: { audio: [pcmu, events], video: [] },
    headerExtensions: { audio: [], video: [] },
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceUseTcp: false,
    iceAdditionalHostAddresses: [address],
    iceInterfaceAddresses: { udp4: address },
  });
  const heard: Buffer[] = [];
  let packets = 0;
  connection.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe(({ payload }) => {
      packets += 1;
      if (!payload.equals(silence)) heard.push(Buffer.from(payload));
    }),
  );
  const { sender } = connection.addTransceiver(new MediaStreamTrack({ kind: 'audio' }), { direction: 'sendrecv' });
  await connection.setLocalDescription(await connection.createOffer());
  const frames: Uint8Array[] = [];
  let sequenceNumber = 65_530;
  let timestamp = 0;
  let startAt = 0;
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  const send = (as: typeof pcmu, payload: Uint8Array, at = timestamp): void => {
    sequenceNumber = (sequenceNumber + 1) % 65_536;
    sender.codec = as; // The library writes the payload type of the codec that is set.
    void sender.sendRtp(new RtpPacket(new RtpHeader({ sequenceNumber, timestamp: at }), Buffer.from(payload)));
  };
  const turn = (): void => {
    for (; sent * 20 <= performance.now() - startAt; sent += 1) {
      send(pcmu, frames.shift() ?? silence);
      timestamp += frameBytes;
    }
    timer = setTimeout(turn, Math.max(0, startAt + sent * 20 - performance.now()));
  };
  connection.connectionStateChange.subscribe((state) => {
    if (state !== 'connected' || timer !== undefined) return;
    startAt = performance.now();
    turn();
  });
  return {
    offer: connection.localDescription?.sdp ?? '',
    accept: (answer) => connection.setRemoteDescription({ type: 'answer', sdp: answer }),
    isConnected: () => connection.connectionState === 'connected',
    speak(audio) {
      for (let at = 0; at < audio.length; at += frameBytes) frames.push(audio.subarray(at, at + frameBytes));
    },
    press(digit) {
      const at = timestamp;
      timestamp += frameBytes; // No two keys begin at once.
      for (const end of [0, 0, 0, 0x80, 0x80, 0x80]) send(events, Uint8Array.of(keys.indexOf(digit), end | 10, 3, 32), at);
    },
    heard: () => Buffer.concat(heard),
    packets: () => packets,
    async vanish() {
      clearTimeout(timer);
      await connection.close();
    },
  };
}
