//! temporary
use crossbeam_channel::Receiver;
use crate::session::*;
pub fn follow(records: Receiver<Record>, _logging: u64) -> Option<Ended> {
    for r in &records { match &r.event { Event::Step(s) => if s.step%10==1 {eprintln!("{:?}", s)}, Event::Progress(_) => {}, Event::Session(_) => {}, Event::Evaluation(e) => eprintln!("eval {:?} loss {:.3} acc {:.3} gen {:.3} {:?}", e.stage, e.loss, e.metrics.accuracy, e.metrics.accuracy_generated, e.aspect_accuracy), e => eprintln!("{:?}", e) } }
    None
}
