-- The store of an agent with version 1 of the schema, as it was while its ACS could not be reached: with undelivered events,
-- a value that changed, settings, attributes, rows and a plugin's description.
-- Made once and never edited: firmware of that time is in the field. ACS_URL stands for the ACS that was contacted last.
PRAGMA journal_mode = WAL;
CREATE TABLE events (
        seq INTEGER PRIMARY KEY, code TEXT NOT NULL, command_key TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE settings (path TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE attributes (path TEXT PRIMARY KEY, notification INTEGER, access_list TEXT) WITHOUT ROWID;
CREATE TABLE reported_values (
        path TEXT PRIMARY KEY, kind INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pending_changes (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE instance_tables (table_path TEXT PRIMARY KEY, highest_number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE instances (
        table_path TEXT NOT NULL, number INTEGER NOT NULL, stable_key TEXT, alias TEXT,
        PRIMARY KEY (table_path, number)) WITHOUT ROWID;
INSERT INTO events VALUES
    (4, '1 BOOT', '', ''),
    (5, '4 VALUE CHANGE', '', ''),
    (6, 'M Reboot', 'from the ACS', '');
INSERT INTO settings VALUES
    ('Device.DeviceInfo.ProvisioningCode', 'code'),
    ('Device.ManagementServer.ParameterKey', 'filled'),
    ('Device.ManagementServer.PeriodicInformInterval', '7200');
INSERT INTO meta VALUES
    ('boot_id', 'boot 1'),
    ('contacted_oui', '00AABB'),
    ('contacted_url', 'ACS_URL'),
    ('retry', '2 2 1700000000'),
    ('describe:demo', replace('0.0.9\told
Device.X_CWMPD_Demo.\t0\t1\t
Device.X_CWMPD_Demo.Label\t1\t68\tsize=:64;default=Demo
Device.X_CWMPD_Demo.Level\t3\t68\trange=0:100;default=50
Device.X_CWMPD_Demo.Lamp.{i}.\t0\t7\tunique=Name
Device.X_CWMPD_Demo.Lamp.{i}.Name\t1\t68\tsize=:32
', '\t', char(9)));
INSERT INTO attributes VALUES
    ('Device.X_CWMPD_Demo.Lamp.3.Brightness', 2, 'Subscriber' || char(10)),
    ('Device.X_CWMPD_Demo.Level', 2, NULL),
    ('Device.X_CWMPD_Demo.Temperature', 1, '');
INSERT INTO reported_values VALUES
    ('Device.DeviceInfo.ProvisioningCode', 1, 'code'),
    ('Device.DeviceInfo.SoftwareVersion', 1, '0'),
    ('Device.X_CWMPD_Demo.Lamp.3.Brightness', 0, '100'),
    ('Device.X_CWMPD_Demo.Level', 3, '55'),
    ('Device.X_CWMPD_Demo.Temperature', 0, '20');
INSERT INTO pending_changes VALUES ('Device.X_CWMPD_Demo.Level');
INSERT INTO instance_tables VALUES
    ('Device.X_CWMPD_Demo.Lamp.', 4),
    ('Device.X_CWMPD_Demo.Lamp.1.Schedule.', 1);
INSERT INTO instances VALUES
    ('Device.X_CWMPD_Demo.Lamp.', 1, NULL, 'hall'),
    ('Device.X_CWMPD_Demo.Lamp.', 3, NULL, 'kitchen'),
    ('Device.X_CWMPD_Demo.Lamp.1.Schedule.', 1, NULL, NULL);
PRAGMA application_id = 0x63776d70;
PRAGMA user_version = 1;
