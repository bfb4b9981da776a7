//! The binary `kadian`; everything it does is said by the command line of the library. What it
//! takes memory from is chosen here: entries are trees of many small values, and two thousand
//! phones at once leave the system's own allocator with arenas that it does not give back.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    kadian::cli::run()
}
