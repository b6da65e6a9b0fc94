use std::fmt::Write as _;
use std::path::Path;

use super::Vsftpd;
use crate::back_end::Failure;
use crate::plan::Ftp;

/// What vsftpd is called by PAM.
pub(super) const PAM_SERVICE: &str = "cwmpd-ftp";
/// A password that is right is enough: that the account has expired keeps all others away from it.
pub(super) const PAM: &str = "auth required pam_unix.so
account required pam_permit.so
session required pam_permit.so
";

/// A line has no quotes: all after the first `=` is the value.
fn line(path: &Path) -> Result<String, Failure> {
    let text = path.display().to_string();
    if text.chars().any(|c| c.is_control() || c == '\u{FFFD}' || c == '$') {
        return Err(Failure::Impossible(format!("{} cannot be configured", text.escape_debug())));
    }
    Ok(text)
}

pub(super) fn text(ftp: &Ftp, of: &Vsftpd) -> Result<String, Failure> {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{name}={value}");
    };
    let yes = |is: bool| if is { "YES" } else { "NO" };
    let own = |name: &str| line(&of.settings.run.join(name));
    // Both families where there are two.
    let two = Path::new("/proc/net/if_inet6").exists();
    set("listen", yes(!two));
    set("listen_ipv6", yes(two));
    set("listen_port", &ftp.port.to_string());
    set("background", "NO");
    set("max_clients", &ftp.max_users.to_string());
    set("idle_session_timeout", &ftp.idle.to_string());
    // A data connection that stands still is idle, too.
    set("data_connection_timeout", &ftp.idle.to_string());
    // Its list of allowed system calls is older than today's libraries: a session would be killed for a harmless call.
    set("seccomp_sandbox", "NO");
    // Sessions are told apart by their titles.
    set("setproctitle_enable", "YES");
    set("secure_chroot_dir", &own("ftp-empty")?);
    set("xferlog_enable", "NO");
    set("connect_from_port_20", "NO");
    set("use_localtime", "NO");

    set("local_enable", "YES");
    set("pam_service_name", PAM_SERVICE);
    set("userlist_enable", "YES");
    set("userlist_deny", "NO");
    set("userlist_file", &line(&of.list())?);
    // All of them are the one account that the folders are open for; what each may do is how they are mounted for it.
    let guest = of.accounts.guest();
    set("guest_enable", "YES");
    set("guest_username", guest);
    set("virtual_use_local_privs", "YES");
    set("user_sub_token", "$USER");
    set("local_root", &format!("{}/$USER", line(&of.users())?));
    set("chroot_local_user", "YES");
    set("passwd_chroot_enable", "NO");
    set("write_enable", "YES");
    set("chmod_enable", "NO");
    set("local_umask", "007");
    set("file_open_mode", "0660");

    set("anonymous_enable", yes(ftp.anonymous.is_some()));
    if let Some((_, read_only)) = &ftp.anonymous {
        set("ftp_username", guest);
        set("no_anon_password", "YES");
        // A root that can be written to is refused: then it is one level down.
        let root = of.anonymous();
        set("anon_root", &line(if *read_only { &root } else { root.parent().unwrap_or(&root) })?);
        set("anon_world_readable_only", "NO");
        set("anon_umask", "007");
        for name in ["anon_upload_enable", "anon_mkdir_write_enable", "anon_other_write_enable"] {
            set(name, yes(!read_only));
        }
    }
    Ok(text)
}
