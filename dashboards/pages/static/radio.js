// The browser's radio, for a sync that the service holds: it does what it is asked, and knows no device's protocol.
// What is asked and answered: ingest/collect/remote.py.

const CONNECT_MS = 20000;

const toHex = view => Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), byte => byte.toString(16).padStart(2, '0')).join('');
const toBytes = hex => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16));

class Missing extends Error {}

/** Return what a list of something that may be empty holds; a browser calls an empty one an error. */
async function list(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.name === 'NotFoundError') return [];
    throw error;
  }
}

export class Radio {
  /** device: of the browser's chooser. say(message): to the service. */
  constructor(device, say) {
    this.device = device;
    this.say = say;
    this.link = 0;
    this.found = new Map();
    this.timer = undefined;
    this.lost = () => this.end();
    device.addEventListener('gattserverdisconnected', this.lost);
  }

  /** Do one thing, and say what came of it. */
  async take(asked) {
    const { n } = asked;
    if (asked.do === 'await') return this.wait(n, asked.seconds);
    let answer;
    try {
      answer = await this.act(asked);
    } catch (error) {
      const key = error instanceof Missing || (asked.do !== 'connect' && this.device.gatt.connected) ? 'refused' : 'failed';
      answer = { [key]: `${error.name}: ${error.message}` };
    }
    return this.say({ n, ...answer });
  }

  act(asked) {
    const { characteristic } = asked;
    switch (asked.do) {
      case 'connect': return this.connect(asked.n);
      case 'subscribe': return this.subscribe(characteristic);
      case 'read': return this.read(characteristic);
      case 'write': return this.write(characteristic, toBytes(asked.data), asked.response);
      case 'disconnect': return this.disconnect();
      default: throw new Missing(asked.do);
    }
  }

  async connect(n) {
    this.disconnect();
    const { gatt } = this.device;
    const late = setTimeout(() => gatt.disconnect(), CONNECT_MS);
    try {
      await gatt.connect();
      const services = await list(gatt.getPrimaryServices());
      for (const service of services) {
        for (const each of await list(service.getCharacteristics())) this.found.set(each.uuid, each);
      }
      if (!gatt.connected) throw new Error('lost');
      this.link = n;
      return { services: services.map(service => service.uuid) };
    } finally {
      clearTimeout(late);
    }
  }

  disconnect() {
    clearTimeout(this.timer);
    this.link = 0;
    this.found.clear();
    this.device.gatt.disconnect();
    return {};
  }

  async subscribe(uuid) {
    const one = this.find(uuid);
    const { link } = this;
    one.addEventListener('characteristicvaluechanged', ({ target }) => {
      if (link === this.link) this.hear(uuid, target.value);
    });
    await one.startNotifications();
    return {};
  }

  async read(uuid) {
    return { data: toHex(await this.find(uuid).readValue()) };
  }

  async write(uuid, data, response) {
    const one = this.find(uuid);
    await (response ? one.writeValueWithResponse(data) : one.writeValueWithoutResponse(data));
    return {};
  }

  /** Say that nothing came, if nothing comes for that long. */
  wait(n, seconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say({ n, nothing: true }), 1000 * seconds);
  }

  hear(uuid, value) {
    clearTimeout(this.timer);
    this.say({ link: this.link, frame: [uuid, toHex(value)] });
  }

  end() {
    clearTimeout(this.timer);
    if (this.link) this.say({ link: this.link, lost: true });
    this.link = 0;
  }

  /** Let go of the device; nothing more is said. */
  close() {
    this.device.removeEventListener('gattserverdisconnected', this.lost);
    this.disconnect();
  }

  find(uuid) {
    const one = this.found.get(uuid);
    if (!one) throw new Missing(uuid);
    return one;
  }
}
