//! The rules about people, each as a sentence.

mod enrolment;
mod ladder;
mod lending;
mod restore;
mod signin;

use super::fixture::*;
use super::*;

fn refused<T>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        Err(other) => panic!("an unexpected error: {other}"),
        Ok(_) => panic!("it was allowed"),
    }
}
