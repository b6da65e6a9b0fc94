//! What processes of this kernel may be allowed.

use cwmp_plugin_sdk::Enumeration;

/// A capability, in the order of the kernel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[allow(missing_docs)] // capabilities(7) documents them
pub(crate) enum Capability {
    #[value("CAP_CHOWN")]
    Chown,
    #[value("CAP_DAC_OVERRIDE")]
    DacOverride,
    #[value("CAP_DAC_READ_SEARCH")]
    DacReadSearch,
    #[value("CAP_FOWNER")]
    Fowner,
    #[value("CAP_FSETID")]
    Fsetid,
    #[value("CAP_KILL")]
    Kill,
    #[value("CAP_SETGID")]
    Setgid,
    #[value("CAP_SETUID")]
    Setuid,
    #[value("CAP_SETPCAP")]
    Setpcap,
    #[value("CAP_LINUX_IMMUTABLE")]
    LinuxImmutable,
    #[value("CAP_NET_BIND_SERVICE")]
    NetBindService,
    #[value("CAP_NET_BROADCAST")]
    NetBroadcast,
    #[value("CAP_NET_ADMIN")]
    NetAdmin,
    #[value("CAP_NET_RAW")]
    NetRaw,
    #[value("CAP_IPC_LOCK")]
    IpcLock,
    #[value("CAP_IPC_OWNER")]
    IpcOwner,
    #[value("CAP_SYS_MODULE")]
    SysModule,
    #[value("CAP_SYS_RAWIO")]
    SysRawio,
    #[value("CAP_SYS_CHROOT")]
    SysChroot,
    #[value("CAP_SYS_PTRACE")]
    SysPtrace,
    #[value("CAP_SYS_PACCT")]
    SysPacct,
    #[value("CAP_SYS_ADMIN")]
    SysAdmin,
    #[value("CAP_SYS_BOOT")]
    SysBoot,
    #[value("CAP_SYS_NICE")]
    SysNice,
    #[value("CAP_SYS_RESOURCE")]
    SysResource,
    #[value("CAP_SYS_TIME")]
    SysTime,
    #[value("CAP_SYS_TTY_CONFIG")]
    SysTtyConfig,
    #[value("CAP_MKNOD")]
    Mknod,
    #[value("CAP_LEASE")]
    Lease,
    #[value("CAP_AUDIT_WRITE")]
    AuditWrite,
    #[value("CAP_AUDIT_CONTROL")]
    AuditControl,
    #[value("CAP_SETFCAP")]
    Setfcap,
    #[value("CAP_MAC_OVERRIDE")]
    MacOverride,
    #[value("CAP_MAC_ADMIN")]
    MacAdmin,
    #[value("CAP_SYSLOG")]
    Syslog,
    #[value("CAP_WAKE_ALARM")]
    WakeAlarm,
    #[value("CAP_BLOCK_SUSPEND")]
    BlockSuspend,
    #[value("CAP_AUDIT_READ")]
    AuditRead,
    #[value("CAP_PERFMON")]
    Perfmon,
    #[value("CAP_BPF")]
    Bpf,
    #[value("CAP_CHECKPOINT_RESTORE")]
    CheckpointRestore,
}

/// By their numbers.
const ALL: [Capability; 41] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::DacReadSearch,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::LinuxImmutable,
    Capability::NetBindService,
    Capability::NetBroadcast,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::IpcLock,
    Capability::IpcOwner,
    Capability::SysModule,
    Capability::SysRawio,
    Capability::SysChroot,
    Capability::SysPtrace,
    Capability::SysPacct,
    Capability::SysAdmin,
    Capability::SysBoot,
    Capability::SysNice,
    Capability::SysResource,
    Capability::SysTime,
    Capability::SysTtyConfig,
    Capability::Mknod,
    Capability::Lease,
    Capability::AuditWrite,
    Capability::AuditControl,
    Capability::Setfcap,
    Capability::MacOverride,
    Capability::MacAdmin,
    Capability::Syslog,
    Capability::WakeAlarm,
    Capability::BlockSuspend,
    Capability::AuditRead,
    Capability::Perfmon,
    Capability::Bpf,
    Capability::CheckpointRestore,
];

/// Those up to the last that the kernel names. It may have some that the standard has no name for yet.
pub(crate) fn up_to(last: usize) -> Vec<Capability> {
    ALL.into_iter().take(last.saturating_add(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_kernel_has_fewer_and_a_newer_one_no_unknown_ones() {
        assert_eq!(up_to(0), [Capability::Chown]);
        assert_eq!(up_to(37).last(), Some(&Capability::AuditRead));
        assert_eq!(up_to(usize::MAX).len(), ALL.len());
    }
}
