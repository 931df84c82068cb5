//! Any number of runs as a table: its columns, which runs it shows, their order, and groups of runs that differ by their seed
//! alone. The command line prints it, the Sessions screen shows it.

mod arrange;
mod column;
mod groups;
mod query;
mod spread;

pub use arrange::{Sort, arrange};
pub use column::{Cell, Column, Figure, parse_columns};
pub use groups::{Group, Groups, changes_what_is_learnt};
pub use query::Query;
