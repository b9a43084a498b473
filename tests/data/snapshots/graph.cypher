// The graph of the golden snapshots: every kind of value, name and shape. Made on a server without
// BYTES; a statement ends with a line that ends in a semicolon.
CREATE (v:Value:`odd label`:Ä) SET v.true = true, v.false = false, v.zero = 0, v.big = 9223372036854775807, v.small = -9223372036854775808,
  v.float = 1.5, v.whole = 2.0, v.minus = -0.0, v.huge = 1e300, v.tiny = 4.9e-324, v.nan = 0.0/0.0, v.inf = 1.0/0.0, v.less = -1.0/0.0,
  v.text = 'plain', v.empty = '', v.quotes = 'x\'y"z`', v.back = 'C:\\', v.lines = 'a\nb\tc', v.nul = 'a\u0000b', v.emoji = '😀 ä€', v.looks = '$date(\'2020-01-01\')',
  v.date = date('2020-02-29'), v.old = date('-9999-01-01'), v.late = date('+12345-06-07'), v.local_time = localtime('12:50:35.556'), v.time = time('12:00:00.000000001+01:00'),
  v.utc = time('12:00:00Z'), v.long = time(datetime('1890-01-01T00:00:00[Europe/Amsterdam]')), v.local_datetime = localdatetime('2020-01-01T12:00:00'),
  v.datetime = datetime('2020-07-01T12:00:00.500000001-02:30'), v.zoned = datetime('2020-10-25T02:30:00+01:00[Europe/Paris]'), v.ago = datetime('1890-01-01T00:00:00[Europe/Amsterdam]'),
  v.duration = duration('P1Y2M3DT4.000000005S'), v.mixed = duration({months: -1, days: 1, seconds: -1, nanoseconds: 1}), v.none = duration('PT0S'),
  v.point = point({x: 1.0, y: -2.5}), v.space = point({x: 1e300, y: 2.0, z: -0.0}), v.globe = point({longitude: 12.5, latitude: -55.25}),
  v.height = point({longitude: 180.0, latitude: 90.0, height: -10.5}), v.`odd key` = 1, v.`odd date` = date('2020-01-01'), v.`😀` = 'key'
CREATE (l:List) SET l.none = [], l.booleans = [true, false], l.integers = [1, 9007199254740993, -9223372036854775808], l.floats = [1.0, 0.0/0.0, 1.0/0.0, -0.0],
  l.texts = ['NaN', '', 'a,b', '😀'], l.looks = ['$date(\'2020-01-01\')', 'x'], l.dates = [date('2020-02-29'), date('-0001-01-01')], l.times = [time('12:00Z'), time('12:00+01:00')],
  l.local_times = [localtime('12:00')], l.local_datetimes = [localdatetime('2020-01-01T00:00')], l.moments = [datetime('2020-07-01T12:00Z'), datetime('2020-07-01T12:00:00+02:00[Europe/Paris]')],
  l.durations = [duration('P1D'), duration('PT-1.5S')], l.points = [point({x: 1.0, y: 2.0}), point({x: 3.0, y: 4.0})], l.globes = [point({longitude: 1.0, latitude: 2.0})]
CREATE (v)-[r:HAS {n: 1, when: date('2020-01-01')}]->(l), (v)-[:HAS {n: 1}]->(l), (v)-[:HAS {n: 1}]->(l), (l)-[:`odd type` {`odd key`: localtime('12:00'), text: '$time(a'}]->(v),
  (v)-[:SELF {nan: 0.0/0.0}]->(v), (l)-[:`tick``tick`]->({only: 'no label'}), (:`x:y` {n: 1})-[:HAS]->(:_unlabelled), (:Twin), (:Twin), ();
UNWIND range(1, 20) AS i CREATE (:Many {i: i, s: 'number ' + i, d: date('2020-01-01') + duration({days: i})});
MATCH (m:Many) WHERE m.i > 1 MATCH (n:Many {i: m.i / 2}) CREATE (n)-[:CHILD {i: m.i}]->(m);
CREATE CONSTRAINT one FOR (n:Many) REQUIRE n.i IS UNIQUE;
CREATE CONSTRAINT `odd name` FOR (n:`x:y`) REQUIRE (n.a, n.`b c`) IS UNIQUE;
CREATE INDEX plain FOR (n:Value) ON (n.text);
CREATE INDEX pairs FOR ()-[r:`odd type`]-() ON (r.x, r.`y z`);
CREATE TEXT INDEX words FOR (n:Value) ON (n.quotes);
CREATE POINT INDEX places FOR (n:Value) ON (n.point);
CREATE FULLTEXT INDEX search FOR (n:Value|Many) ON EACH [n.text, n.s] OPTIONS {indexConfig: {`fulltext.analyzer`: 'english'}};
