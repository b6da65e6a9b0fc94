//! The architecture of the processors, by the standard's names.

use crate::files::Files;

/// The kernel's architecture, which may be another than the one the plugin was built for.
pub(crate) fn architecture(files: &Files) -> &'static str {
    // The file is there since Linux 6.1.
    let told = files.read("proc/sys/kernel/arch").unwrap_or_default();
    standard(Some(told.trim()).filter(|t| !t.is_empty()).unwrap_or(std::env::consts::ARCH))
}

/// The standard's name, or one of ours where it has none.
fn standard(name: &str) -> &'static str {
    match name {
        "x86_64" => "x86_64",
        "x86" | "i386" | "i486" | "i586" | "i686" => "i386",
        "m68k" => "m68k",
        "mips" | "mips64" if cfg!(target_endian = "big") => "mipseb",
        "mips" | "mips64" => "mipsel",
        "aarch64" | "arm64" => "X_CWMPD_aarch64",
        "riscv64" => "X_CWMPD_riscv64",
        _ if name.starts_with("arm") => "arm",
        _ if name.starts_with("powerpc") || name.starts_with("ppc") => "powerpc",
        _ => "X_CWMPD_other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_the_standards_names_or_ours() {
        for (kernel, name) in
            [("armv7l", "arm"), ("i686", "i386"), ("aarch64", "X_CWMPD_aarch64"), ("s390x", "X_CWMPD_other")]
        {
            assert_eq!(standard(kernel), name);
        }
    }
}
