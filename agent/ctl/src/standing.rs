//! Whether the caller is in a group, so that a refusal can say what to do.

use cwmp_bus::names;

/// How the caller stands to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Root needs no group.
    Root,
    /// The process is in the group.
    Member,
    /// The user is in the group, but logged in before.
    Listed,
    /// The user is not in the group.
    Outside,
    /// There is no such group.
    NoGroup,
}

impl Standing {
    /// The caller's standing to a group. What cannot be read counts as not being in it.
    pub(crate) fn of(group: &str) -> Self {
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        Self::judge(&read("/proc/self/status"), &read("/etc/passwd"), &read("/etc/group"), group)
    }

    fn judge(status: &str, passwd: &str, groups: &str, group: &str) -> Self {
        let field = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        // Real, effective, saved, file system: the bus sees the effective one.
        let uid = field("Uid:").into_iter().nth(1).unwrap_or_default();
        if uid == "0" {
            return Self::Root;
        }
        let Some((gid, members)) = entry(groups, group) else { return Self::NoGroup };
        let effective = field("Gid:").into_iter().nth(1);
        if effective.into_iter().chain(field("Groups:")).any(|g| g == gid) {
            return Self::Member;
        }
        let user = passwd.lines().find_map(|l| {
            let mut parts = l.split(':');
            let name = parts.next()?;
            (parts.nth(1)? == uid).then_some(name)
        });
        match user {
            Some(user) if members.split(',').any(|m| m == user) => Self::Listed,
            _ => Self::Outside,
        }
    }

    /// Whether the group cannot be what is missing.
    pub(crate) fn is_sufficient(self) -> bool {
        matches!(self, Self::Root | Self::Member)
    }

    /// What to do next.
    pub(crate) fn advice(self, group: &str) -> String {
        match self {
            Self::Root | Self::Member => format!(
                "you have the rights, so the bus lacks the policy of {}: is its file in /usr/share/dbus-1/system.d, and was the bus reloaded (systemctl reload dbus)?",
                names::SERVICE
            ),
            Self::Listed => format!("you are in the group {group} since you logged in: log in again"),
            Self::Outside => {
                format!("you need the group {group}: sudo usermod -aG {group} $USER, then log in again")
            }
            Self::NoGroup => format!(
                "there is no group {group} on this box, the installation of cwmpd makes it: sudo groupadd --system {group}, then systemctl reload dbus"
            ),
        }
    }
}

/// Number and members of a group.
fn entry<'a>(groups: &'a str, group: &str) -> Option<(&'a str, &'a str)> {
    groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next()? == group).then_some(())?;
        Some((parts.nth(1)?, parts.next().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\ncwmp-read:x:990:bob\ncwmp-admin:x:991:\n";

    fn judge(uid: u32, groups: &str, group: &str) -> Standing {
        let status =
            format!("Name:\ta\nUid:\t7\t{uid}\t{uid}\t{uid}\nGid:\t7\t{uid}\t7\t7\nGroups:\t{groups} \n");
        Standing::judge(&status, PASSWD, GROUPS, group)
    }

    #[test]
    fn the_process_counts_not_the_file() {
        assert_eq!(judge(0, "", "cwmp-read"), Standing::Root);
        assert_eq!(judge(1000, "4 990", "cwmp-read"), Standing::Member);
        assert_eq!(judge(990, "", "cwmp-read"), Standing::Member);
        assert_eq!(judge(1001, "4", "cwmp-read"), Standing::Listed);
        assert_eq!(judge(1001, "990", "cwmp-admin"), Standing::Outside);
        assert_eq!(judge(1000, "", "cwmp-read"), Standing::Outside);
        assert_eq!(judge(1000, "", "cwmp"), Standing::NoGroup);
        assert_eq!(Standing::judge("", "", "", "cwmp-read"), Standing::NoGroup);
    }

    #[test]
    fn every_standing_has_its_advice() {
        let advice = |s: Standing| s.advice("cwmp-admin");
        assert!(advice(Standing::Outside).contains("sudo usermod -aG cwmp-admin $USER"));
        assert!(advice(Standing::Listed).contains("log in again"));
        assert!(advice(Standing::NoGroup).contains("groupadd"));
        assert!(advice(Standing::Member).contains("policy"));
    }
}
