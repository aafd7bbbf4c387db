//! Closes this process in: it keeps the descriptors that it has and may compute, and little else.
//!
//! Two mechanisms of Linux, each used as far as the kernel has it: Landlock takes away files, TCP and signals to
//! others; seccomp takes away system calls that open sockets, run programs or look into other processes.

use std::path::PathBuf;

/// What holds the process now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Files, and TCP where the kernel knows it, are closed by Landlock.
    pub landlock: bool,
    /// System calls are filtered by seccomp.
    pub seccomp: bool,
}

/// Closes the process in, for good. Called before there are threads: those that exist keep their rights.
///
/// `readable` are folders and files that may still be opened for reading; those that are missing are passed over.
///
/// # Errors
///
/// A mechanism that the kernel has refused to work; one that it does not have is none.
pub fn confine(readable: &[PathBuf]) -> Result<Confinement, String> {
    imp::confine(readable)
}

/// What `confine` would use on this kernel.
#[must_use]
pub fn available() -> Confinement {
    imp::available()
}

#[cfg(target_os = "linux")]
mod imp {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetStatus, Scope,
    };
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};

    use super::Confinement;

    /// The newest interface that is asked for; an older kernel gives what it has.
    const LANDLOCK: ABI = ABI::V6;

    /// Calls that no decoder has a use for. They fail with EPERM, so that a library that tries finds out.
    const DENIED: &[libc::c_long] = &[
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_open_by_handle_at,
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_capset,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_personality,
    ];

    pub(super) fn available() -> Confinement {
        Confinement {
            landlock: landlock_version() > 0,
            seccomp: TargetArch::try_from(std::env::consts::ARCH).is_ok(),
        }
    }

    pub(super) fn confine(readable: &[PathBuf]) -> Result<Confinement, String> {
        let landlock = close_files(readable).map_err(|error| format!("Landlock: {error}"))?;
        let seccomp = filter_calls().map_err(|error| format!("seccomp: {error}"))?;
        Ok(Confinement { landlock, seccomp })
    }

    fn landlock_version() -> i64 {
        // SAFETY: with these arguments the call reads no memory and only tells the version of the interface.
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, 1_u32) }
    }

    fn close_files(readable: &[PathBuf]) -> Result<bool, landlock::RulesetError> {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?;
        for path in readable {
            if let Ok(opened) = PathFd::new(path) {
                let access = if path.is_dir() {
                    AccessFs::ReadFile | AccessFs::ReadDir
                } else {
                    AccessFs::ReadFile.into()
                };
                ruleset = ruleset.add_rule(PathBeneath::new(opened, access))?;
            }
        }
        Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
    }

    fn filter_calls() -> Result<bool, seccompiler::Error> {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
            return Ok(false);
        };
        let rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|&call| (call, Vec::new())).collect();
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()),
            arch,
        )?;
        let program: BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)?;
        Ok(true)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::path::PathBuf;

    use super::Confinement;

    pub(super) fn available() -> Confinement {
        Confinement::default()
    }

    pub(super) fn confine(_: &[PathBuf]) -> Result<Confinement, String> {
        Ok(Confinement::default())
    }
}
