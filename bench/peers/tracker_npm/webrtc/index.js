// The client loads WebRTC for trackers over websockets, which nobody asks here; the real one has to be compiled.
export class RTCPeerConnection {}
export class RTCSessionDescription {}
export class RTCIceCandidate {}
