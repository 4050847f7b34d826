/**
 * The server's side of a connection with one browser: ICE lite (RFC 8445, section 2.5: it answers checks and sends none, so that an offer
 * cannot make it send to an address that does not ask), DTLS-SRTP, and G.711 in RTP.
 */
import { isIPv6 } from 'node:net';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { createEventReceiver } from '../../../media/rtp/telephone-event.ts';
import type { Offer } from './offer.ts';

export interface Listen {
  /** The address of one interface, or that of all: 0.0.0.0 or ::. */
  readonly address: string;
  readonly ports: readonly [first: number, last: number];
  /** Written into answers instead of the address. */
  readonly publicAddress?: string | undefined;
}
export interface PeerListener {
  /** Once. */
  connected(): void;
  /** The browser has closed the connection, or it has broken. Once at most. */
  lost(): void;
  /** In the order of its sequence numbers; what comes late is left out. */
  audio(audio: Uint8Array): void;
  /** Once for each key. */
  key(digit: string): void;
}
export interface Peer {
  readonly answer: string;
  /** A frame of 20 ms; `skipped` frames were left out before it. Without effect until it is connected. */
  send(frame: Uint8Array, skipped: number): void;
  close(): Promise<void>;
}

const audioType = 0;
/** RTP packets hold 10 to 60 ms in practice, RFC 3551 allows 200 ms. */
const audioBytesMost = 1_600;
const halfSequence = 0x8000;
const sequences = 0x1_0000;
const frameSamples = 160;

export async function answerOffer({ sdp, eventType }: Offer, listen: Listen, listener: PeerListener): Promise<Peer> {
  const connection = new RTCPeerConnection({
    iceLite: true,
    iceServers: [],
    iceUseTcp: false,
    icePortRange: [...listen.ports],
    ...interfacesOf(listen.address),
    headerExtensions: { audio: [], video: [] },
    codecs: {
      audio: [
        new RTCRtpCodecParameters({ mimeType: 'audio/PCMU', clockRate: 8_000, channels: 1, payloadType: audioType }),
        ...(eventType === null
          ? []
          : [
              new RTCRtpCodecParameters({
                mimeType: 'audio/telephone-event',
                clockRate: 8_000,
                channels: 1,
                payloadType: eventType,
                parameters: '0-15',
              }),
            ]),
      ],
      video: [],
    },
  });
  const hear = receiver(eventType, listener);
  let state: 'new' | 'connected' | 'over' = 'new';
  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ header, payload }) => hear(header, payload));
  });
  connection.connectionStateChange.subscribe((reached) => {
    if (reached === 'connected' && state === 'new') {
      state = 'connected';
      listener.connected();
    } else if ((reached === 'disconnected' || reached === 'failed' || reached === 'closed') && state !== 'over') {
      state = 'over';
      listener.lost();
    }
  });
  const close = async (): Promise<void> => {
    state = 'over';
    await connection.close();
  };
  try {
    await connection.setRemoteDescription({ type: 'offer', sdp });
    const transceiver = connection.getTransceivers().find(({ kind }) => kind === 'audio');
    if (transceiver === undefined) throw new Error('the offer has no audio');
    await transceiver.sender.replaceTrack(new MediaStreamTrack({ kind: 'audio' }));
    transceiver.setDirection('sendrecv');
    await connection.setLocalDescription(await connection.createAnswer());
    const { sender } = transceiver;
    let sequenceNumber = 0;
    let timestamp = 0;
    return {
      answer: published(connection.localDescription?.sdp ?? '', listen),
      send(frame, skipped) {
        if (state !== 'connected') return;
        timestamp = (timestamp + (1 + skipped) * frameSamples) >>> 0;
        sequenceNumber = (sequenceNumber + 1) % sequences;
        const header = new RtpHeader({ payloadType: audioType, sequenceNumber, timestamp, marker: sequenceNumber === 1 });
        sender.sendRtp(new RtpPacket(header, Buffer.from(frame))).catch(() => {}); // The connection is closing, which is reported.
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Passes on audio and keys of a stream of RTP. */
function receiver(eventType: number | null, { audio, key }: PeerListener): (header: RtpHeader, payload: Buffer) => void {
  const events = createEventReceiver();
  let latest: number | null = null;
  return ({ payloadType, sequenceNumber, timestamp, ssrc }, payload) => {
    if (payloadType === eventType) {
      const digit = events.packet({ ssrc, timestamp, payload });
      if (digit !== null) key(digit);
    } else if (payloadType === audioType && payload.length > 0 && payload.length <= audioBytesMost) {
      const ahead: number = latest === null ? 1 : (sequenceNumber - latest + sequences) % sequences;
      if (ahead === 0 || ahead >= halfSequence) return;
      latest = sequenceNumber;
      audio(payload);
    }
  };
}

function interfacesOf(address: string): Partial<ConstructorParameters<typeof RTCPeerConnection>[0]> {
  if (address === '0.0.0.0') return { iceUseIpv4: true, iceUseIpv6: false };
  if (address === '::') return { iceUseIpv4: true, iceUseIpv6: true };
  return {
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: [address],
    iceInterfaceAddresses: isIPv6(address) ? { udp6: address } : { udp4: address },
  };
}
/** Candidates with the public address, where there is one. */
function published(sdp: string, { publicAddress }: Listen): string {
  if (publicAddress === undefined) return sdp;
  return sdp.replace(/^(a=candidate:\S+ \d+ udp \d+ )\S+/gim, `$1${publicAddress}`);
}
