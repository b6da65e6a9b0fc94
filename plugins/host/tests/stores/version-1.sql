-- What a host with version 1 of the schema kept for the plugin demo: what was set, and an event that the agent was not yet told.
-- Made once and never edited: firmware of that time is in the field.
PRAGMA journal_mode = WAL;
CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, arguments TEXT NOT NULL);
INSERT INTO kv VALUES
    ('settings/Label', CAST('kept' AS BLOB)),
    ('settings/Lamp.1.', CAST('' AS BLOB)),
    ('settings/Lamp.1.Brightness', CAST('100' AS BLOB)),
    ('settings/Lamp.1.Colour', CAST('White' AS BLOB)),
    ('settings/Lamp.1.Name', CAST('Hall' AS BLOB)),
    ('settings/Lamp.1.Schedule.1.', CAST('' AS BLOB)),
    ('settings/Lamp.1.Schedule.1.Hour', CAST('22' AS BLOB)),
    ('settings/Lamp.3.', CAST('' AS BLOB)),
    ('settings/Lamp.3.Brightness', CAST('100' AS BLOB)),
    ('settings/Lamp.3.Colour', CAST('White' AS BLOB)),
    ('settings/Lamp.3.Name', CAST('Kitchen' AS BLOB)),
    ('settings/Level', CAST('60' AS BLOB)),
    ('settings/Password', CAST('open sesame' AS BLOB));
INSERT INTO event (name, arguments) VALUES ('X 00AABB Door', '{"side":"left"}');
PRAGMA user_version = 1;
