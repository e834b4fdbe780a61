// One call with the JavaScript SDK: the base URL, the model, "stream" or "whole", and how often to retry.
// Prints one line of JSON: what the caller got, or the error it was given.
import Anthropic from '@anthropic-ai/sdk';

const [baseURL, model, mode, maxRetries] = process.argv.slice(2);
const client = new Anthropic({ apiKey: process.env.ANTHROPIC_API_KEY, baseURL, maxRetries: Number(maxRetries) });
const request = { model, max_tokens: 64, messages: [{ role: 'user', content: 'say hi' }] };

try {
  const message = mode === 'stream' ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
  console.log(JSON.stringify({ id: message.id, model: message.model, text: message.content[0]?.text ?? '', usage: message.usage, requestId: message._request_id ?? '' }));
} catch (error) {
  console.log(JSON.stringify({ error: error.constructor.name, status: error.status ?? 0, message: error.message }));
}
