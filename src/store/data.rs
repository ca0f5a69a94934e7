//! Data files that a flow names, such as logs to replay: only from its own folder or below.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::{ContentHash, FileSystem, in_words};

/// How long a data file may be.
pub const DATA_BYTES: u64 = 256 << 20;

/// What a data file holds.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What it holds, for the head of a trace.
    pub hash: ContentHash,
}

/// Why a data file was not read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The name leads out of the flow's folder.
    #[error("“{name}” is outside the flow's folder. Copy it there and name it without “..”")]
    Outside {
        /// As the flow names it.
        name: String,
    },
    /// It is longer than the limit.
    #[error("“{name}” is longer than the limit of 256 MiB for a data file")]
    TooLong {
        /// As the flow names it.
        name: String,
    },
    /// The system did not hand it over.
    #[error("could not read {}: {}", .path.display(), in_words(.source))]
    Refused {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Reads a file that a flow names relative to its own folder.
///
/// A stranger's flow must not get at other files: neither by an absolute name, nor by `..`, nor by a symbolic link.
pub fn read_data(fs: &dyn FileSystem, flow_folder: &Path, name: &str) -> Result<DataFile, DataError> {
    let outside = || DataError::Outside { name: name.to_owned() };
    let below = Path::new(name);
    let stays = below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // On Windows a drive or a stream hides behind a colon; no data file needs one.
    if name.is_empty() || !stays || name.contains([':', '\\', '\0']) {
        return Err(outside());
    }
    let folder = if flow_folder.as_os_str().is_empty() { Path::new(".") } else { flow_folder };
    let path = folder.join(below);
    let refused = |source| DataError::Refused { path: path.clone(), source };
    let real_folder = fs.resolve(folder).map_err(refused)?;
    let real = fs.resolve(&path).map_err(refused)?;
    if !real.starts_with(&real_folder) {
        return Err(outside());
    }
    match fs.read(&real, DATA_BYTES) {
        Ok(bytes) => Ok(DataFile { hash: ContentHash::of(&bytes), bytes }),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(DataError::TooLong { name: name.to_owned() }),
        Err(source) => Err(refused(source)),
    }
}
