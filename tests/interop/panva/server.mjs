// panva's oidc-provider on loopback. It takes its place from the environment: PORT; FOLDER, where its state is kept, so
// that a restarted OP is the same OP; ACCESS_TOKEN_SECONDS.
//
// SIGHUP makes new keys and signs with them from then on, without losing anybody's session.
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { Provider, errors, interactionPolicy } from 'oidc-provider';

const { PORT, FOLDER, ACCESS_TOKEN_SECONDS } = process.env;
const KEYS = `${FOLDER}/keys.json`;
const STATE = `${FOLDER}/state.json`;
// One line for each call to the token endpoint: what came, and what was answered.
const TOKEN_CALLS = `${FOLDER}/token_calls.jsonl`;
// As in the adapter.
const RESOURCE = 'https://api.example/';
const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS384', 'HS512',
];

let provider;
let handle;

const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path)) : []);

// Sessions, clients, grants and tokens. The provider's own store in memory ends with the provider.
const entries = new Map(readJson(STATE));

class Store {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload, seconds) {
    entries.set(`${this.model}:${id}`, { payload, expires: seconds === undefined ? null : Date.now() + seconds * 1000 });
  }

  async find(id) {
    const entry = entries.get(`${this.model}:${id}`);
    return entry && (entry.expires === null || entry.expires > Date.now()) ? entry.payload : undefined;
  }

  async findByUid(uid) {
    return [...entries].find(([key, { payload }]) => key.startsWith(`${this.model}:`) && payload.uid === uid)?.[1].payload;
  }

  async consume(id) {
    entries.get(`${this.model}:${id}`).payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    entries.delete(`${this.model}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of entries) {
      if (payload.grantId === grantId) entries.delete(key);
    }
  }
}

function makeKeys() {
  return [
    ['rsa', { modulusLength: 2048 }],
    ...['P-256', 'P-384', 'P-521'].map((namedCurve) => ['ec', { namedCurve }]),
    ['ed25519', {}],
  ].map(([kind, options]) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    kid: crypto.randomUUID(),
  }));
}

// The newest first: the OP signs with the first that fits, and verifies with all.
function addKeys() {
  writeFileSync(KEYS, JSON.stringify([...makeKeys(), ...readJson(KEYS)]));
}

const wantsMfa = (params) => (params.acr_values ?? '').split(' ').includes('mfa');

// By itself the provider does not do more for acr_values than note what was wished.
function buildPolicy() {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  policy.get('login').checks.add(new Check('acr', 'a second factor is required', ({ oidc }) => (
    wantsMfa(oidc.params) && oidc.session.acr !== 'mfa' && !oidc.result?.login
  )));
  return policy;
}

async function interact(request, response) {
  const { uid, params, prompt } = await provider.interactionDetails(request, response);
  if (prompt.name === 'consent') {
    if (request.method === 'POST') {
      await provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true });
      return;
    }
    response.setHeader('Content-Type', 'text/html');
    response.end(`<form method="post" action="/interaction/${uid}"><button>Allow ${params.scope}</button></form>`);
    return;
  }
  const isStrong = wantsMfa(params);
  if (request.method === 'POST') {
    const form = new URLSearchParams(await new Response(request).text());
    if (!isStrong || form.get('pin') === '1234') {
      const how = isStrong ? { acr: 'mfa', amr: ['pwd', 'pin'] } : { acr: 'pwd', amr: ['pwd'] };
      await provider.interactionFinished(request, response, { login: { accountId: form.get('login'), ...how } });
      return;
    }
  }
  response.setHeader('Content-Type', 'text/html');
  response.end(`<form method="post" action="/interaction/${uid}"><input name="login"><input type="password" name="password">
    ${isStrong ? '<input name="pin">' : ''}<button>Sign in</button></form>`);
}

function build() {
  provider = new Provider(`http://127.0.0.1:${PORT}`, {
    acrValues: ['pwd', 'mfa'],
    adapter: Store,
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
      email: ['email', 'email_verified'],
      acr: null, amr: null, auth_time: null, iss: null, sid: null,
    },
    cookies: { keys: ['not a secret: it signs the cookies of an OP on loopback'] },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => {
          if (resource !== RESOURCE) throw new errors.InvalidTarget();
          return { scope: '' };
        },
      },
      revocation: { enabled: true },
    },
    // Its own refuses loopback, to which it is to send logout tokens here.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (ctx, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        name: `${sub} of panva`,
        given_name: sub,
        family_name: 'of panva',
        preferred_username: sub,
        email: `${sub}@example.com`,
        email_verified: true,
      }),
    }),
    interactions: { policy: buildPolicy(), url: (ctx, { uid }) => `/interaction/${uid}` },
    // To clients that are registered for it, without offline_access: the tokens then end with the session.
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    // The sites belong to the house, and nobody is asked for consent unless the site wants that.
    loadExistingGrant: async (ctx) => {
      const { client, session, params, provider: { Grant } } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      const grant = (known && await Grant.find(known)) || new Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
    jwks: { keys: readJson(KEYS) },
    // Always, so that a reused refresh token is detected at once.
    rotateRefreshToken: true,
    ttl: { AccessToken: Number(ACCESS_TOKEN_SECONDS) },
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route !== 'token') return;
    const call = { at: Date.now() / 1000, asked: ctx.oidc.params, status: ctx.status, answered: ctx.body };
    appendFileSync(TOKEN_CALLS, `${JSON.stringify(call)}\n`);
  });
  handle = provider.callback();
}

if (!existsSync(KEYS)) addKeys();
build();
process.on('SIGHUP', () => {
  addKeys();
  build();
});
process.on('SIGTERM', () => {
  writeFileSync(STATE, JSON.stringify([...entries]));
  process.exit();
});
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return handle(request, response);
  return interact(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(Number(PORT), '127.0.0.1');
