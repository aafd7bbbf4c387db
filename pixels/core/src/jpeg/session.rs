//! libjpeg's objects with an owner, and its errors as `Error`.
//!
//! libjpeg leaves by its `error_exit`, which must not return. Here it unwinds through the C frames (built with
//! `-fexceptions`, declared "C-unwind") to `guarded`, which turns it into an `Error`. No panic hook runs.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ffi::{c_int, c_long};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys::*;

use crate::error::{Error, Result};

/// Warnings that are kept as text; more are only counted.
const KEPT_WARNINGS: usize = 8;

/// What callbacks note during a call.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The first warnings.
    pub warnings: Vec<String>,
    /// All warnings.
    pub warned: u32,
    /// The data ended before the end marker.
    pub ran_out: bool,
    /// The entropy decoder had no more bits for a block after the data had ended.
    pub starved: bool,
    /// Scans to read at most.
    pub max_scans: u32,
    /// Bytes that libjpeg may allocate for whole pictures.
    pub max_bytes: u64,
    /// What was written, and is not yet given back.
    pub output: Vec<u8>,
}

struct Failure(Error);

/// Runs calls of libjpeg, and takes the error that it leaves by.
pub(super) fn guarded<T>(calls: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(calls)).map_err(|payload| match payload.downcast::<Failure>() {
        Ok(failure) => failure.0,
        Err(panic) => resume_unwind(panic),
    })
}

/// What libjpeg points to while it works; at one address until dropped.
pub(super) struct Parts {
    errors: jpeg_error_mgr,
    progress: jpeg_progress_mgr,
    pub source: jpeg_source_mgr,
    pub destination: jpeg_destination_mgr,
    pub watch: Watch,
}

impl Parts {
    /// With its error handlers; `mem` gets the limit once the library's object exists.
    fn new(watch: Watch) -> *mut Self {
        // SAFETY: all-zero is a value of each of libjpeg's structs: numbers, null pointers and no functions.
        let (mut errors, progress, source, destination): (jpeg_error_mgr, _, _, _) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        // SAFETY: it only fills in the struct.
        unsafe { jpeg_std_error(&mut errors) };
        errors.error_exit = Some(leave);
        errors.emit_message = Some(note);
        errors.output_message = Some(say_nothing);
        Box::into_raw(Box::new(Self { errors, progress, source, destination, watch }))
    }
}

/// A struct of libjpeg's as its `jpeg_create_*` wants it: zero.
fn zeroed<T>() -> *mut T {
    let layout = Layout::new::<T>();
    // SAFETY: the structs of libjpeg are not empty.
    let place = unsafe { alloc_zeroed(layout) };
    if place.is_null() {
        handle_alloc_error(layout);
    }
    place.cast()
}

macro_rules! session {
    ($name:ident, $object:ty, $create:ident, $destroy:ident) => {
        /// Owner of one of libjpeg's objects.
        pub(super) struct $name {
            object: *mut $object,
            parts: *mut Parts,
        }

        // SAFETY: nothing in libjpeg belongs to a thread, and there is no shared access.
        unsafe impl Send for $name {}

        impl $name {
            pub fn new(watch: Watch) -> Result<Self> {
                let max_bytes = watch.max_bytes;
                let mut session = Self { object: zeroed(), parts: Parts::new(watch) };
                guarded(|| {
                    // SAFETY: both pointers are valid until `drop`; the object is zero, as `jpeg_create` asks for.
                    unsafe {
                        (*session.object).common.err = &raw mut (*session.parts).errors;
                        $create(session.object);
                        (*session.object).common.client_data = session.parts.cast();
                    }
                })?;
                session.limit_memory(max_bytes);
                Ok(session)
            }

            /// libjpeg's object.
            pub fn object(&mut self) -> &mut $object {
                // SAFETY: valid until `drop`, and borrowed with `self`.
                unsafe { &mut *self.object }
            }

            /// Bounds what libjpeg may allocate for coefficients of whole pictures.
            pub fn limit_memory(&mut self, bytes: u64) {
                // 0 would mean no limit.
                let bytes = c_long::try_from(bytes).unwrap_or(c_long::MAX).max(1);
                // SAFETY: the object is created, and so has its memory manager.
                unsafe { (*self.object().common.mem).max_memory_to_use = bytes };
            }

            /// What callbacks share.
            pub fn parts(&mut self) -> *mut Parts {
                self.parts
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: both came from `Box`-like allocations of these types in `new`; `destroy` never fails.
                unsafe {
                    if !(*self.object).common.mem.is_null() {
                        $destroy(&mut *self.object);
                    }
                    drop(Box::from_raw(self.object));
                    drop(Box::from_raw(self.parts));
                }
            }
        }
    };
}

session!(Decompress, jpeg_decompress_struct, jpeg_create_decompress, jpeg_destroy_decompress);
session!(Compress, jpeg_compress_struct, jpeg_create_compress, jpeg_destroy_compress);

impl Decompress {
    /// What callbacks noted.
    pub fn watch(&self) -> &Watch {
        // SAFETY: valid until `drop`; no call of libjpeg runs while `self` is borrowed here.
        unsafe { &(*self.parts).watch }
    }

    /// Has the number of scans watched.
    pub fn watch_scans(&mut self) {
        // SAFETY: `parts` is valid until `drop`, when libjpeg's object goes as well.
        let progress = unsafe { &raw mut (*self.parts).progress };
        // SAFETY: as above.
        unsafe { (*progress).progress_monitor = Some(count_scans) };
        self.object().common.progress = progress;
    }
}

/// The notes of the session that a callback runs in.
///
/// # Safety
/// `cinfo` belongs to a session, and no other reference to its watch is alive.
pub(super) unsafe fn watch_of(cinfo: &mut jpeg_common_struct) -> &mut Watch {
    // SAFETY: `new` has set the pointer before any callback but those of creation, which do not come here.
    unsafe { &mut (*cinfo.client_data.cast::<Parts>()).watch }
}

unsafe extern "C-unwind" fn leave(cinfo: &mut jpeg_common_struct) {
    let told = message(cinfo);
    // SAFETY: libjpeg has set its error manager before it can fail.
    let code = unsafe { (*cinfo.err).msg_code };
    let max_bytes = if cinfo.client_data.is_null() {
        0
    } else {
        // SAFETY: a callback of a session, and the only reference.
        unsafe { watch_of(cinfo) }.max_bytes
    };
    resume_unwind(Box::new(Failure(failure(code, told, max_bytes))));
}

fn failure(code: c_int, told: String, max_bytes: u64) -> Error {
    match code as J_MESSAGE_CODE {
        JERR_OUT_OF_MEMORY | JERR_NO_BACKING_STORE => {
            Error::Limit(format!("the JPEG needs more memory than the {max_bytes} bytes allowed"))
        }
        JERR_BAD_PRECISION
        | JERR_SOF_UNSUPPORTED
        | JERR_CONVERSION_NOTIMPL
        | JERR_ARITH_NOTIMPL
        | JERR_CCIR601_NOTIMPL
        | JERR_FRACT_SAMPLE_NOTIMPL
        | JERR_NOT_COMPILED
        | JERR_NOTIMPL => Error::Unsupported(format!("JPEG: {told}")),
        _ => Error::Damaged(format!("JPEG: {told}")),
    }
}

fn message(cinfo: &mut jpeg_common_struct) -> String {
    // JMSG_LENGTH_MAX is 200; the binding's type says 80, and the library writes what it needs.
    let mut text = [0_u8; 256];
    // SAFETY: the function takes a pointer to at least JMSG_LENGTH_MAX bytes, which `text` has.
    unsafe {
        if let Some(format) = (*cinfo.err).format_message {
            format(cinfo, &*text.as_mut_ptr().cast::<[u8; 80]>());
        }
    }
    let length = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..length]).into_owned()
}

unsafe extern "C-unwind" fn say_nothing(_: &mut jpeg_common_struct) {}

unsafe extern "C-unwind" fn note(cinfo: &mut jpeg_common_struct, level: c_int) {
    // Levels of 0 and more are traces.
    if level >= 0 || cinfo.client_data.is_null() {
        return;
    }
    // SAFETY: libjpeg has set its error manager before it warns.
    let code = unsafe { (*cinfo.err).msg_code };
    // Text is only made for what is kept: damaged data may warn at every block.
    // SAFETY: a callback of a session, and the only reference.
    let told = (unsafe { watch_of(cinfo) }.warnings.len() < KEPT_WARNINGS).then(|| message(cinfo));
    // SAFETY: as above.
    let watch = unsafe { watch_of(cinfo) };
    watch.warned = watch.warned.saturating_add(1);
    watch.starved |= watch.ran_out && code as J_MESSAGE_CODE == JWRN_HIT_MARKER;
    if let Some(told) = told.filter(|told| !watch.warnings.contains(told)) {
        watch.warnings.push(told);
    }
}

unsafe extern "C-unwind" fn count_scans(cinfo: &mut jpeg_common_struct) {
    // SAFETY: only decompressors are given this monitor, and their struct begins with the common one.
    let scan = unsafe { (*(&raw mut *cinfo).cast::<jpeg_decompress_struct>()).input_scan_number };
    // SAFETY: a callback of a session, and the only reference.
    let limit = unsafe { watch_of(cinfo) }.max_scans;
    if scan > c_int::try_from(limit).unwrap_or(c_int::MAX) {
        resume_unwind(Box::new(Failure(Error::Limit(format!("the JPEG has more than {limit} scans")))));
    }
}

unsafe extern "C" {
    // Defined by the library with SIMD and without.
    fn jsimd_can_idct_islow() -> c_int;
}

pub(super) fn has_simd() -> bool {
    // SAFETY: it reads the processor's abilities.
    unsafe { jsimd_can_idct_islow() != 0 }
}
