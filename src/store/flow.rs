//! Flows on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::file::{self, ReadError};
use crate::model::Flow;

use super::replace::{Expected, SaveError, replace};
use super::{ContentHash, FileSystem, in_words};

/// A flow that was read from a file, and how to know that file again.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The flow.
    pub flow: Flow,
    /// What the file held.
    pub hash: ContentHash,
    /// The file, as it was asked for.
    pub path: PathBuf,
}

/// Why no flow was loaded. Nothing has changed, and nothing is bound to the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system did not hand it over.
    #[error("could not read {}: {}", .path.display(), in_words(.source))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is longer than any flow.
    #[error("{} is longer than the limit of 64 MiB for a flow", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no text.
    #[error("{} is no text: byte {at} is not UTF-8", .path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The first byte that is none.
        at: usize,
        /// What of it is text, for a look at it.
        text: String,
    },
    /// It is text, but no flow.
    #[error("{}:{error}", .path.display())]
    NoFlow {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: ReadError,
        /// What it holds, for a look at it, read-only.
        text: String,
    },
}

/// What became of a file since it was loaded or saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDisk {
    /// It still holds the same.
    Same,
    /// It holds something else.
    Changed,
    /// It cannot be found or read.
    Gone,
}

/// Reads a flow from a file. Nothing else is opened, whatever the flow names.
pub fn load(fs: &dyn FileSystem, path: &Path) -> Result<Loaded, LoadError> {
    let bytes = fs.read(path, file::MAX_BYTES as u64).map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => LoadError::TooLong { path: path.to_owned() },
        _ => LoadError::Refused { path: path.to_owned(), source },
    })?;
    let hash = ContentHash::of(&bytes);
    let text = String::from_utf8(bytes).map_err(|error| LoadError::NoText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
        text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })?;
    match file::read(&text) {
        Ok(flow) => Ok(Loaded { flow, hash, path: path.to_owned() }),
        Err(error) => Err(LoadError::NoFlow { path: path.to_owned(), error, text }),
    }
}

/// Saves a flow to a file; what the file then holds. The text is read back and compared before anything is touched.
pub fn save(fs: &dyn FileSystem, flow: &Flow, path: &Path, expected: Expected) -> Result<ContentHash, SaveError> {
    let text = file::write(flow);
    let not_read_back = |why: String| SaveError::NotReadBack { path: path.to_owned(), why };
    match file::read(&text) {
        Ok(again) if again == *flow => replace(fs, path, text.as_bytes(), expected),
        Ok(_) => Err(not_read_back("it would be another flow".to_owned())),
        Err(error) => Err(not_read_back(error.to_string())),
    }
}

/// Whether a file still holds what was loaded or saved last.
pub fn on_disk(fs: &dyn FileSystem, path: &Path, hash: ContentHash) -> OnDisk {
    match fs.read(path, file::MAX_BYTES as u64) {
        Ok(bytes) if ContentHash::of(&bytes) == hash => OnDisk::Same,
        Ok(_) => OnDisk::Changed,
        // Longer than any flow: it certainly is not what we wrote.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => OnDisk::Changed,
        Err(_) => OnDisk::Gone,
    }
}
