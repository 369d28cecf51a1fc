// The OpenAPI document as a judge: which operation a request was, and whether the reply keeps to it.
import Ajv from 'ajv/dist/2020.js';

const METHODS = ['get', 'post', 'put', 'delete', 'patch'];

export class Contract {
    constructor(doc) {
        this.doc = doc;
        this.ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, validateSchema: false });
        this.ajv.addSchema(doc, 'openapi');
        this.compiled = new Map();
        this.operations = [];
        for (const [template, item] of Object.entries(doc.paths))
            for (const method of METHODS)
                if (item[method]) this.operations.push(operation(template, method, item[method]));
        // a template with an earlier literal segment wins
        this.operations.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
    }

    // The operation that serves method and path (query allowed), or undefined.
    find(method, path) {
        const bare = path.split('?')[0];
        return this.operations.find((op) => op.method === method.toLowerCase() && op.pattern.test(bare));
    }

    // Whether an answer with that status is a problem document: all but what the document says is not.
    isProblem(method, path, status) {
        const response = this.find(method, path)?.row.responses[status];
        return status >= 400 && !response?.content?.['application/json'];
    }

    // Problems of one reply, [] when it keeps to the document.
    check(method, path, reply) {
        const op = this.find(method, path);
        if (!op) return [];
        let pointer = `#/paths/${escape(op.template)}/${op.method}/responses`;
        const responses = op.row.responses;
        const status = responses[reply.status] ? String(reply.status) : responses.default ? 'default' : undefined;
        if (!status) return [`${op.id}: status ${reply.status} is not in the document`];
        pointer += `/${status}`;
        let response = responses[status];
        if (response.$ref) {
            pointer = response.$ref;
            response = this.#at(pointer);
        }
        if (!response.content) return reply.text ? [`${op.id}: ${status} has no content, got ${reply.text.length} bytes`] : [];
        const type = (reply.headers['content-type'] ?? '').split(';')[0].trim();
        if (response.content['*/*']) return []; // whatever somebody uploaded
        if (!response.content[type]) return [`${op.id}: content type "${type}" is not in the document for ${status}`];
        if (!response.content[type].schema || reply.json === undefined) return [];
        return this.#valid(`${pointer}/content/${escape(type)}/schema`, reply.json).map((e) => `${op.id}: ${e}`);
    }

    #valid(pointer, value) {
        if (!this.compiled.has(pointer))
            this.compiled.set(pointer, this.ajv.compile({ $ref: `openapi${pointer}` }));
        const validate = this.compiled.get(pointer);
        return validate(value) ? [] : validate.errors.map((e) => `${e.instancePath || 'reply'} ${e.message}`);
    }

    #at(pointer) {
        return pointer.slice(2).split('/').reduce((o, key) => o?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], this.doc);
    }

    // A value of a request body that satisfies its schema, made from the schema alone.
    sample(op) {
        let schema = op.row.requestBody?.content?.['application/json']?.schema;
        if (schema?.$ref) schema = this.#at(schema.$ref);
        if (!schema) return undefined;
        const body = {};
        for (const name of schema.required ?? []) body[name] = example(schema.properties[name]);
        return body;
    }
}

function operation(template, method, row) {
    const parameters = [...template.matchAll(/\{([a-z_]+)\}/g)].map((m) => m[1]);
    const pattern = new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{[a-z_]+\}/g, '[^/]+')}$`);
    return { id: row.operationId, template, method, row, parameters, pattern, rank: template.replace(/\{/g, '~') };
}

const escape = (key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function example(schema) {
    const type = [schema.type].flat()[0];
    if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
    if (type === 'boolean') return false;
    if (type === 'object') return {};
    return 'walked over 1'.padEnd(schema.minLength ?? 0, 'x').slice(0, schema.maxLength ?? 100);
}
