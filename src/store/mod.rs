//! The disk: flows and settings are loaded and saved here, and data files are read, over one small [`FileSystem`].
//!
//! What a person saved is never lost: a save replaces a file in one step, and only once its successor is whole and
//! known to be on the disk. Whatever goes wrong, the old file stays, and the error names the path and the remedy.

mod data;
mod disk;
mod flow;
mod replace;
mod settings;

use std::fmt;

pub use self::data::{DATA_BYTES, DataError, DataFile, read_data};
pub use self::disk::{Disk, FileSystem, NewFile};
pub use self::flow::{LoadError, Loaded, OnDisk, load, on_disk, save};
pub use self::replace::{Expected, SaveError, Step};
pub use self::settings::{
    Panels, RECENT_FILES, Settings, Theme, WindowPlace, load_settings, save_settings, settings_path,
};

/// What a file holds, as a number: two files with the same one hold the same.
///
/// Time stamps do not tell: they change when nothing did, and stay when a tool puts them back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContentHash(blake3::Hash);

impl ContentHash {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_hex())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Writes a text that is no flow (an export) in place of what a file holds, as safely as a flow.
pub fn write_text(fs: &dyn FileSystem, text: &str, path: &std::path::Path) -> Result<(), SaveError> {
    replace::replace(fs, path, text.as_bytes(), Expected::Anything).map(drop)
}

/// Why something on the disk could not be had, in a person's words.
fn in_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "there is no permission to".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the disk can only be read".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::NotADirectory => "what should be its folder is none".to_owned(),
        _ => error.to_string(),
    }
}
