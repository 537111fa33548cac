// A KV namespace in memory, over the HTTP by which workerd's binding speaks to its service.
const values = new Map();

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (request.method) {
      case 'PUT':
        values.set(pathname, await request.bytes());
        return new Response();
      case 'DELETE':
        values.delete(pathname);
        return new Response();
      default: {
        const value = values.get(pathname);
        return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
      }
    }
  },
};
