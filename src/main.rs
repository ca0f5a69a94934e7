//! The program: arguments to the command line, its answer to the exit code.

use std::process::ExitCode;

/// Half as slow as the system's in the window's and the kernel's small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    eventloom::cli::main()
}
