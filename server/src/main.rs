//! The binary `kadian`; everything it does is said by the command line of the library.

fn main() -> std::process::ExitCode {
    kadian::cli::run()
}
