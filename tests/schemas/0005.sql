-- A database of the fifth schema, with every column filled, as the telemock of its time left it; never changed.
PRAGMA page_size = 16384;
PRAGMA application_id = 1414351666;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE exchanges (
    id INTEGER NOT NULL PRIMARY KEY,
    received_at TEXT NOT NULL,
    scheme TEXT NOT NULL,
    method TEXT NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    query TEXT NOT NULL,
    params TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body BLOB,
    request_truncated INTEGER NOT NULL,
    client TEXT NOT NULL,
    via TEXT NOT NULL,
    status INTEGER NOT NULL,
    response_headers TEXT NOT NULL,
    response_body BLOB,
    latency_ms FLOAT NOT NULL,
    outcome TEXT NOT NULL,
    profile TEXT,
    stub_id TEXT,
    version TEXT,
    guid TEXT,
    env TEXT,
    session_id TEXT,
    client_time TEXT,
    problems TEXT
, port INTEGER, request_trailers TEXT);
CREATE INDEX exchanges_received_at ON exchanges (received_at);
CREATE INDEX exchanges_path ON exchanges (path, received_at);
CREATE INDEX exchanges_guid ON exchanges (guid, received_at) WHERE guid IS NOT NULL;
CREATE INDEX exchanges_version ON exchanges (version, received_at) WHERE version IS NOT NULL;
CREATE TABLE connections (
    id INTEGER NOT NULL PRIMARY KEY,
    opened_at TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER,
    client TEXT NOT NULL,
    kind TEXT NOT NULL,
    bytes_up INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL,
    duration_ms FLOAT,
    detail TEXT NOT NULL
);
CREATE INDEX connections_opened_at ON connections (opened_at);
CREATE VIEW telemetry AS
SELECT id, received_at, method, host, path, status, outcome, version, guid, env, session_id,
       client_time, latency_ms, coalesce(json_array_length(problems), 0) AS problem_count
FROM exchanges;
CREATE VIEW fields AS
SELECT e.id AS exchange_id, 'query' AS source, p.key AS name, v.value AS value
FROM exchanges AS e, json_each(e.params) AS p,
     json_each(CASE p.type WHEN 'array' THEN p.value ELSE json_array(p.value) END) AS v
UNION ALL
SELECT e.id, 'header', json_extract(h.value, '$[0]'), json_extract(h.value, '$[1]')
FROM exchanges AS e, json_each(e.request_headers) AS h
UNION ALL
SELECT e.id, 'trailer', json_extract(t.value, '$[0]'), json_extract(t.value, '$[1]')
FROM exchanges AS e, json_each(e.request_trailers) AS t
UNION ALL
SELECT e.id, 'body', b.fullkey, b.atom
FROM exchanges AS e,
     json_tree(CASE WHEN json_valid(CAST(e.request_body AS TEXT))
                    THEN CAST(e.request_body AS TEXT) END) AS b
WHERE b.type NOT IN ('object', 'array');
CREATE TABLE learnt (
    "key" TEXT NOT NULL PRIMARY KEY,
    kept_at TEXT NOT NULL,
    last_id INTEGER NOT NULL,
    exchange_count INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TRIGGER exchanges_updated AFTER UPDATE ON exchanges BEGIN DELETE FROM learnt; END;
CREATE TRIGGER exchanges_deleted AFTER DELETE ON exchanges BEGIN DELETE FROM learnt; END;
CREATE TABLE progress (
    task TEXT NOT NULL PRIMARY KEY,
    last_id INTEGER NOT NULL,
    until_id INTEGER,
    exchange_count INTEGER NOT NULL,
    generation INTEGER NOT NULL
);
CREATE TABLE field_summary (
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    exchange_count INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    value_count INTEGER NOT NULL,
    least TEXT,
    most TEXT,
    varies_per_instance INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (source, name)
);
CREATE TABLE field_sketches (
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (source, name)
);
CREATE TABLE field_versions (
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    exchange_count INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    PRIMARY KEY (source, name, version)
);
CREATE TABLE field_values (
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (source, name, value)
);
CREATE TABLE instance_versions (
    guid TEXT NOT NULL,
    version TEXT NOT NULL,
    exchange_count INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    PRIMARY KEY (guid, version)
);
CREATE TABLE instance_constants (
    guid TEXT NOT NULL PRIMARY KEY,
    fields BLOB NOT NULL
);
CREATE TRIGGER exchanges_rewritten AFTER UPDATE OF received_at, query, request_headers, request_body, version, guid ON exchanges 
BEGIN
    UPDATE progress SET last_id = 0, exchange_count = 0, generation = generation + 1 WHERE task = 'summary';
    DELETE FROM field_summary;
    DELETE FROM field_sketches;
    DELETE FROM field_versions;
    DELETE FROM field_values;
    DELETE FROM instance_versions;
    DELETE FROM instance_constants;
END;
CREATE TRIGGER exchanges_removed AFTER DELETE ON exchanges 
BEGIN
    UPDATE progress SET last_id = 0, exchange_count = 0, generation = generation + 1 WHERE task = 'summary';
    DELETE FROM field_summary;
    DELETE FROM field_sketches;
    DELETE FROM field_versions;
    DELETE FROM field_values;
    DELETE FROM instance_versions;
    DELETE FROM instance_constants;
END;
CREATE TRIGGER exchanges_trailers_rewritten AFTER UPDATE OF request_trailers ON exchanges
BEGIN
    UPDATE progress SET last_id = 0, exchange_count = 0, generation = generation + 1 WHERE task = 'summary';
    DELETE FROM field_summary;
    DELETE FROM field_sketches;
    DELETE FROM field_versions;
    DELETE FROM field_values;
    DELETE FROM instance_versions;
    DELETE FROM instance_constants;
END;
CREATE VIEW instances AS
SELECT guid, group_concat(DISTINCT nullif(version, '')) AS versions,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(exchange_count) AS exchange_count
FROM (
    SELECT guid, version, first_seen, last_seen, exchange_count FROM instance_versions
    UNION ALL
    SELECT guid, version, received_at, received_at, 1
    FROM exchanges
    WHERE guid IS NOT NULL AND id > (SELECT last_id FROM progress WHERE task = 'summary')
)
GROUP BY guid;
INSERT INTO alembic_version (version_num) VALUES ('0005');
INSERT INTO exchanges (id, received_at, scheme, method, host, path, query, params, request_headers, request_body, request_truncated, client, via, status, response_headers, response_body, latency_ms, outcome, profile, stub_id, version, guid, env, session_id, client_time, problems, port, request_trailers) VALUES (
    1, '2026-02-05T10:55:58.090735Z', 'http', 'GET', 'cdn.cribl.io', '/telemetry/index.html', 'v=4.16.1-20904e45&guid=b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec&env=prod&sid=7&tag=a&tag=%C3%A4', '{"v":"4.16.1-20904e45","guid":"b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec","env":"prod","sid":"7","tag":["a","ä"]}', '[["Host","cdn.cribl.io"],["X-Twice","1"],["x-twice","2"],["X-Bytes","\udcff"]]', NULL, 0, '127.0.0.1', 'proxy', 200, '[["Content-Type","text/html; charset=utf-8"],["Content-Length","29"]]', X'637269626C202F2F2F206C6976696E67207468652073747265616D210A', 0.21, 'mock', 'cribl', NULL, '4.16.1-20904e45', 'b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec', 'prod', '7', '2026-02-05T07:58:11.000Z', NULL, 80, NULL
);
INSERT INTO exchanges (id, received_at, scheme, method, host, path, query, params, request_headers, request_body, request_truncated, client, via, status, response_headers, response_body, latency_ms, outcome, profile, stub_id, version, guid, env, session_id, client_time, problems, port, request_trailers) VALUES (
    2, '2026-02-05T10:55:59.000000Z', 'https', 'POST', 'cdn.cribl.io', '/telemetry/events', '', '{}', '[["Content-Type","application/json"],["Content-Length","34"]]', X'7B226E616D65223A226C617465222C2270726F70657274696573223A7B226E223A5B312C322E352C6E756C6C2C22C3A4225D7D7D', 1, '::1', 'tls', 200, '[["Content-Type","application/json"]]', X'7B22737461747573223A226163636570746564222C22636F756E74223A317D', 12.5, 'stub', 'cribl', 'stub-1', '4.17.0', '5d0c8be9-5b58-4d14-a04d-ef5ccd4d54b1', 'o''hara', '8', '2026-02-05T07:58:12.000Z', '["pc: not a number"]', 8443, '[["X-Checksum","\udcff"]]'
);
INSERT INTO exchanges (id, received_at, scheme, method, host, path, query, params, request_headers, request_body, request_truncated, client, via, status, response_headers, response_body, latency_ms, outcome, profile, stub_id, version, guid, env, session_id, client_time, problems, port, request_trailers) VALUES (
    9, '2026-02-05T10:56:00.999999Z', 'http', 'PUT', '', '/%00/ä', '%', '{"":"%"}', '[]', X'00FF1F8B', 0, '192.0.2.7', 'direct', 499, '[]', NULL, 0.0, 'refused', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
);
INSERT INTO connections (id, opened_at, host, port, client, kind, bytes_up, bytes_down, duration_ms, detail) VALUES (
    1, '2026-02-05T10:55:57.000001Z', 'telemetry.example', 443, '127.0.0.1', 'tunnel', 517, 4096, 1250.5, 'The tunnel ended.'
);
INSERT INTO connections (id, opened_at, host, port, client, kind, bytes_up, bytes_down, duration_ms, detail) VALUES (
    4, '2026-02-05T10:55:57.000002Z', '', NULL, '::1', 'malformed', 9, 0, NULL, 'Bad HTTP. It began with b''\x16\x03'''
);
INSERT INTO learnt ("key", kept_at, last_id, exchange_count, state) VALUES (
    'of everything', '2026-02-05T10:57:00.000000Z', 9, 3, X'789C'
);
INSERT INTO progress (task, last_id, until_id, exchange_count, generation) VALUES ('summary', 2, NULL, 2, 1);
INSERT INTO progress (task, last_id, until_id, exchange_count, generation) VALUES ('ports', 9, 9, 0, 0);
INSERT INTO field_summary (source, name, exchange_count, first_seen, last_seen, value_count, least, most, varies_per_instance, number) VALUES ('query', 'v', 1, '2026-02-05T10:55:58.090735Z', '2026-02-05T10:55:58.090735Z', 1, '4.16.1-20904e45', '4.16.1-20904e45', 0, 1);
INSERT INTO field_summary (source, name, exchange_count, first_seen, last_seen, value_count, least, most, varies_per_instance, number) VALUES ('body', '$.properties.n[2]', 1, '2026-02-05T10:55:59.000000Z', '2026-02-05T10:55:59.000000Z', 0, NULL, NULL, 1, 2);
INSERT INTO field_versions (source, name, version, exchange_count, first_seen, last_seen) VALUES ('query', 'v', '4.16.1-20904e45', 1, '2026-02-05T10:55:58.090735Z', '2026-02-05T10:55:58.090735Z');
INSERT INTO field_values (source, name, value) VALUES ('query', 'v', '4.16.1-20904e45');
INSERT INTO field_sketches (source, name, sketch) VALUES ('query', 'v', X'01020304');
INSERT INTO instance_versions (guid, version, exchange_count, first_seen, last_seen) VALUES ('b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec', '4.16.1-20904e45', 1, '2026-02-05T10:55:58.090735Z', '2026-02-05T10:55:58.090735Z');
INSERT INTO instance_constants (guid, fields) VALUES ('b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec', X'010001020304');
COMMIT;
