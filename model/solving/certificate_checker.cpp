// Checks a proof of unsatisfiability: reads a formula (DIMACS) and a proof (binary DRAT), and accepts only if the empty
// clause follows from the formula by the clauses that the proof adds, each of which follows from those before it.
//
// "Follows" is reverse unit propagation (RUP) and nothing more, no resolution asymmetric tautology: what passes is implied by
// the formula, and stays so, whatever is deleted or added. So deletions matter for speed alone: a deleted clause is put
// aside, and when a clause does not follow from the others, those that were put aside are asked too, and the ones that helped
// come back. (Solvers that are asked again and again take back what they had eliminated, and DRAT has no word for that.)
//
// Backward, as drat-trim does it (Heule, Hunt and Wetzler, 2013): the proof is read to the first contradiction, and then
// undone from its end; only what was used for something that had to be checked is checked, and clauses that were used once
// are propagated before others. Every clause watches two literals. Shares nothing with the solver or with what writes its
// clauses.
//
// usage: checker FORMULA PROOF        exit status: 0 verified, 1 not a proof, 2 cannot be read
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using Literal = int;         // 2 * variable + sign
using Reference = uint32_t;  // the place of a clause in the arena
constexpr Reference NONE = UINT32_MAX;

[[noreturn]] void unreadable(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(2);
}

[[noreturn]] void refused(const std::string& what) {
    std::printf("NOT VERIFIED: %s\n", what.c_str());
    std::exit(1);
}

Literal literal_of(long number) { return number > 0 ? 2 * int(number) : 2 * int(-number) + 1; }

std::string text(const Literal* literals, int size) {
    std::string line;
    for (int i = 0; i < size; ++i) line += (literals[i] & 1 ? "-" : "") + std::to_string(literals[i] >> 1) + " ";
    return line + "0";
}

// UNBORN: undone, on the way back; it comes later than what is checked, and must not be used.
enum State : int { ACTIVE, ASIDE, UNBORN };

// Another literal of the clause, which need not be looked at while that one holds; its complement (a negative number) where
// the clause has no further ones, and need not be looked at in any case.
struct Watch {
    Reference clause;
    int blocker;
};

class Checker {
  public:
    // A clause of the formula.
    void assume(std::vector<Literal>& clause) {
        if (contradiction() || !normalise(clause)) return;
        attach(store(clause));
    }

    // A clause of the proof, to be checked when it turns out to be needed.
    void derive(std::vector<Literal>& clause) {
        ++lemmas;
        if (!normalise(clause)) return;
        size_t before = trail_.size();
        Reference at = store(clause);
        steps_.push_back({at, before, true});
        attach(at);
    }

    void remove(std::vector<Literal>& clause) {
        if (!normalise(clause)) return;
        Reference at = find(clause, ACTIVE);
        if (at == NONE || is_reason(at)) return;
        detach(at);
        state(at) = ASIDE;
        aside_.push_back(at);
        steps_.push_back({at, trail_.size(), false});
        ++deletions;
    }

    bool contradiction() const { return conflict_ != NONE; }
    void reserve(int variables) { grow(variables); }

    // Undoes the proof from its contradiction; refuses at the first clause that is needed and does not follow.
    void verify() {
        need(conflict_);
        for (size_t i = steps_.size(); i > 0; --i) {
            Step step = steps_[i - 1];
            if (!step.added) {
                if (state(step.clause) == ASIDE) {
                    state(step.clause) = ACTIVE;
                    watch(step.clause);
                }
                continue;
            }
            undo(step.trail);
            detach(step.clause);
            state(step.clause) = UNBORN;
            if (!used(step.clause)) continue;
            ++checked;
            if (!follows(step.clause)) {
                if (size(step.clause) == 0) refused("the proof comes to no contradiction");
                refused("a clause does not follow from those before it: " + text(literals(step.clause), size(step.clause)));
            }
        }
    }

    uint64_t lemmas = 0, checked = 0, deletions = 0, revived = 0;

  private:
    struct Step {
        Reference clause;
        size_t trail;  // how long the trail was before
        bool added;
    };

    // In the arena a clause is: size, state, whether it was used, literals. The first two literals are the watched ones.
    int& size(Reference at) { return arena_[at]; }
    int& state(Reference at) { return arena_[at + 1]; }
    int& used(Reference at) { return arena_[at + 2]; }
    Literal* literals(Reference at) { return &arena_[at + 3]; }

    void grow(int variable) {
        size_t wanted = 2 * (size_t(variable) + 1);
        if (wanted <= values_.size()) return;
        wanted = std::max(wanted, values_.size() * 2);
        values_.resize(wanted, 0);
        for (auto& lists : watches_) lists.resize(wanted);
        reason_.resize(wanted / 2, NONE);
        needed_.resize(wanted / 2, 0);
    }

    int value(Literal literal) const { return values_[literal]; }

    void assign(Literal literal, Reference reason) {
        values_[literal] = 1;
        values_[literal ^ 1] = -1;
        reason_[literal >> 1] = reason;
        trail_.push_back(literal);
    }

    void undo(size_t start) {
        if (trail_.size() <= start) return;
        while (trail_.size() > start) {
            Literal literal = trail_.back();
            trail_.pop_back();
            values_[literal] = values_[literal ^ 1] = 0;
        }
        next_[0] = next_[1] = start;
    }

    bool is_reason(Reference at) {
        for (int i = 0; i < 2 && i < size(at); ++i) {
            Literal literal = literals(at)[i];
            if (value(literal) > 0 && reason_[literal >> 1] == at) return true;
        }
        return false;
    }

    // The conflicting clause, or NONE. Clauses that were used before go first.
    Reference propagate() {
        for (;;) {
            int which = next_[1] < trail_.size() ? 1 : 0;
            if (next_[which] >= trail_.size()) return NONE;
            Reference conflict = visit(watches_[which], trail_[next_[which]++] ^ 1);
            if (conflict != NONE) return conflict;
        }
    }

    Reference visit(std::vector<std::vector<Watch>>& lists, Literal falsified) {
        std::vector<Watch>& list = lists[falsified];
        size_t kept = 0, n = list.size();
        for (size_t i = 0; i < n; ++i) {
            Watch watch = list[i];
            bool is_pair = watch.blocker < 0;
            Literal blocker = is_pair ? ~watch.blocker : watch.blocker;
            if (value(blocker) > 0) {
                list[kept++] = watch;
                continue;
            }
            if (is_pair) {
                if (value(blocker) < 0) {
                    for (; i < n; ++i) list[kept++] = list[i];
                    list.resize(kept);
                    return watch.clause;
                }
                list[kept++] = watch;
                assign(blocker, watch.clause);
                continue;
            }
            Literal* clause = literals(watch.clause);
            if (clause[0] == falsified) std::swap(clause[0], clause[1]);
            Literal other = clause[0];
            if (value(other) > 0) {
                list[kept++] = {watch.clause, other};
                continue;
            }
            int k = 2, length = size(watch.clause);
            while (k < length && value(clause[k]) < 0) ++k;
            if (k < length) {
                std::swap(clause[1], clause[k]);
                lists[clause[1]].push_back({watch.clause, other});
                continue;
            }
            list[kept++] = watch;
            if (value(other) < 0) {
                for (++i; i < n; ++i) list[kept++] = list[i];
                list.resize(kept);
                return watch.clause;
            }
            assign(other, watch.clause);
        }
        list.resize(kept);
        return NONE;
    }

    // Sorts and removes repetitions; false where a literal occurs with its negation.
    bool normalise(std::vector<Literal>& clause) {
        std::sort(clause.begin(), clause.end());
        clause.erase(std::unique(clause.begin(), clause.end()), clause.end());
        for (size_t i = 0; i + 1 < clause.size(); ++i)
            if ((clause[i] ^ 1) == clause[i + 1]) return false;
        if (!clause.empty()) grow(clause.back() >> 1);
        return true;
    }

    // The same for every order of the literals.
    static uint64_t hash(const Literal* begin, size_t size) {
        uint64_t sum = 0, product = 1, exclusive = 0;
        for (size_t i = 0; i < size; ++i) {
            uint64_t x = uint64_t(begin[i]) * 0x9E3779B97F4A7C15ull;
            sum += x;
            product *= x | 1;
            exclusive ^= x ^ (x >> 29);
        }
        return (1023 * sum + product) ^ (31 * exclusive);
    }

    Reference find(const std::vector<Literal>& sorted, State wanted) {
        auto range = by_hash_.equal_range(hash(sorted.data(), sorted.size()));
        for (auto entry = range.first; entry != range.second; ++entry) {
            Reference at = entry->second;
            if (state(at) != wanted || size_t(size(at)) != sorted.size()) continue;
            scratch_.assign(literals(at), literals(at) + sorted.size());
            std::sort(scratch_.begin(), scratch_.end());
            if (scratch_ == sorted) return at;
        }
        return NONE;
    }

    Reference store(const std::vector<Literal>& clause) {
        if (arena_.size() + clause.size() + 3 >= NONE) unreadable("the proof is too large for this checker (16 GiB)");
        Reference at = Reference(arena_.size());
        arena_.insert(arena_.end(), {int(clause.size()), int(ACTIVE), 0});
        arena_.insert(arena_.end(), clause.begin(), clause.end());
        by_hash_.emplace(hash(clause.data(), clause.size()), at);
        return at;
    }

    // Watches two literals that are not false, where there are two.
    void watch(Reference at) {
        Literal* clause = literals(at);
        int length = size(at);
        for (int place = 0, k = 0; place < 2 && k < length; ++k)
            if (value(clause[k]) >= 0) std::swap(clause[place++], clause[k]);
        if (length >= 2) enlist(at);
    }

    void enlist(Reference at) {
        auto& lists = watches_[used(at)];
        Literal* clause = literals(at);
        bool is_pair = size(at) == 2;
        for (int i = 0; i < 2; ++i) lists[clause[i]].push_back({at, is_pair ? ~clause[1 - i] : clause[1 - i]});
    }

    void detach(Reference at) {
        if (size(at) < 2) return;
        for (int i = 0; i < 2; ++i) {
            auto& list = watches_[used(at)][literals(at)[i]];
            auto entry = std::find_if(list.begin(), list.end(), [at](const Watch& watch) { return watch.clause == at; });
            *entry = list.back();
            list.pop_back();
        }
    }

    // Watches a clause and sets for good what follows from it.
    void attach(Reference at) {
        if (size(at) == 0) {
            conflict_ = at;
            return;
        }
        watch(at);
        Literal first = literals(at)[0];
        if (value(first) < 0) {
            conflict_ = at;
        } else if (value(first) == 0 && (size(at) == 1 || value(literals(at)[1]) < 0)) {
            assign(first, at);
            conflict_ = propagate();
        }
    }

    void mark(Reference at) {
        if (used(at)) return;
        bool watched = state(at) == ACTIVE;
        if (watched) detach(at);
        used(at) = 1;
        if (watched && size(at) >= 2) enlist(at);  // the same two literals, among the clauses that go first
    }

    // Marks all that led to the literals that are needed, by the trail as it is.
    void need_reasons() {
        for (size_t i = trail_.size(); i > 0; --i) {
            int variable = trail_[i - 1] >> 1;
            if (needed_[variable] == stamp_ && reason_[variable] != NONE) need_literals(reason_[variable]);
        }
    }

    void need_literals(Reference at) {
        if (state(at) == ASIDE) {
            used(at) = 1;
            coming_back_.push_back(at);
        } else {
            mark(at);
        }
        for (int i = 0; i < size(at); ++i) needed_[literals(at)[i] >> 1] = stamp_;
    }

    void need(Reference conflict) {
        ++stamp_;
        need_literals(conflict);
        need_reasons();
    }

    // Only when nothing is assigned but what is set for good: watches are chosen by that.
    void take_back() {
        for (Reference at : coming_back_) {
            ++revived;
            state(at) = ACTIVE;
            watch(at);
            back_.push_back(at);
        }
        coming_back_.clear();
    }

    // Whether an undone clause follows from what is left.
    bool follows(Reference at) {
        std::vector<Literal> clause(literals(at), literals(at) + size(at));
        std::sort(clause.begin(), clause.end());
        Reference same = find(clause, ACTIVE);
        if (same == NONE) same = find(clause, ASIDE);
        size_t start = trail_.size();
        bool found = same != NONE;
        if (found) {
            ++stamp_;
            need_literals(same);
        }
        for (size_t i = 0; i < clause.size() && !found; ++i) {
            if (value(clause[i]) > 0) {  // it holds already, for what set the literal
                ++stamp_;
                needed_[clause[i] >> 1] = stamp_;
                need_reasons();
                found = true;
            } else if (value(clause[i]) == 0) {
                assign(clause[i] ^ 1, NONE);
            }
        }
        if (!found) {
            Reference conflict = propagate();
            if (conflict == NONE) conflict = ask_aside();
            if (conflict != NONE) need(conflict);
            found = conflict != NONE;
        }
        undo(start);
        take_back();
        return found;
    }

    // After a propagation without a conflict: goes on with the clauses that are aside, and with those that came back, which
    // may have been ready to propagate when they did. The conflict, or NONE.
    Reference ask_aside() {
        auto drop = [this](std::vector<Reference>& list, State wanted) {
            list.erase(std::remove_if(list.begin(), list.end(), [&](Reference at) { return state(at) != wanted; }), list.end());
        };
        drop(aside_, ASIDE);
        drop(back_, ACTIVE);
        for (bool changed = true; changed;) {
            changed = false;
            for (auto* list : {&back_, &aside_}) {
                for (Reference at : *list) {
                    Literal open = -1;
                    bool idle = false;  // it holds, or more than one of its literals is not false
                    for (int i = 0; i < size(at) && !idle; ++i) {
                        Literal literal = literals(at)[i];
                        if (value(literal) < 0) continue;
                        idle = value(literal) > 0 || open >= 0;
                        open = literal;
                    }
                    if (idle) continue;
                    if (open < 0) return at;
                    changed = true;
                    assign(open, at);
                    Reference conflict = propagate();
                    if (conflict != NONE) return conflict;
                }
            }
        }
        return NONE;
    }

    std::vector<int> arena_;
    std::vector<signed char> values_;
    std::vector<std::vector<Watch>> watches_[2];  // by whether the clause was used
    std::vector<Reference> reason_;
    std::vector<Literal> trail_;
    size_t next_[2] = {0, 0};
    std::vector<uint32_t> needed_;
    uint32_t stamp_ = 0;
    Reference conflict_ = NONE;
    std::vector<Step> steps_;
    std::vector<Reference> aside_, back_, coming_back_;
    std::unordered_multimap<uint64_t, Reference> by_hash_;
    std::vector<Literal> scratch_;
};

class Input {
  public:
    explicit Input(const char* path) : file_(std::fopen(path, "rb")), path_(path) {
        if (!file_) unreadable(path_ + ": " + std::strerror(errno));
        std::setvbuf(file_, nullptr, _IOFBF, 1 << 20);
    }
    int get() { return getc_unlocked(file_); }
    [[noreturn]] void wrong(const std::string& what) { unreadable(path_ + ": " + what); }

  private:
    FILE* file_;
    std::string path_;
};

uint64_t read_formula(Input& input, Checker& checker) {
    int character = input.get();
    while (character == 'c') {
        while (character != '\n' && character != EOF) character = input.get();
        character = input.get();
    }
    std::string header;
    while (character != '\n' && character != EOF) { header += char(character); character = input.get(); }
    long variables, clauses;
    if (std::sscanf(header.c_str(), "p cnf %ld %ld", &variables, &clauses) != 2) input.wrong("no header \"p cnf\"");
    if (variables < 0 || variables > INT32_MAX / 4) input.wrong("too many variables");
    checker.reserve(int(variables));
    std::vector<Literal> clause;
    uint64_t read = 0;
    for (;;) {
        do character = input.get(); while (character == ' ' || character == '\n' || character == '\r' || character == '\t');
        if (character == EOF) break;
        bool negative = character == '-';
        if (negative) character = input.get();
        if (character < '0' || character > '9') input.wrong("a clause has a character that is no number");
        long number = 0;
        while (character >= '0' && character <= '9') {
            number = 10 * number + (character - '0');
            if (number > variables) input.wrong("a clause has a variable beyond the header's");
            character = input.get();
        }
        if (number == 0) {
            checker.assume(clause);
            clause.clear();
            ++read;
        } else {
            clause.push_back(literal_of(negative ? -number : number));
        }
    }
    if (!clause.empty()) input.wrong("the last clause does not end in 0");
    if (read != uint64_t(clauses)) input.wrong("there are not as many clauses as the header says");
    return read;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) unreadable("usage: checker FORMULA PROOF");
    Checker checker;
    Input formula(arguments[1]);
    uint64_t clauses = read_formula(formula, checker);
    Input proof(arguments[2]);
    std::vector<Literal> clause;
    while (!checker.contradiction()) {
        int kind = proof.get();
        if (kind == EOF) break;
        if (kind != 'a' && kind != 'd') proof.wrong("a step of the proof is neither an addition nor a deletion");
        clause.clear();
        for (;;) {
            uint64_t coded = 0;
            int shift = 0, byte;
            do {
                byte = proof.get();
                if (byte == EOF) proof.wrong("the proof ends within a clause");
                if (shift > 28) proof.wrong("a literal is too large");
                coded |= uint64_t(byte & 127) << shift;
                shift += 7;
            } while (byte & 128);
            if (coded == 0) break;
            if (coded < 2 || coded > INT32_MAX / 2) proof.wrong("a literal is too large");
            clause.push_back(Literal(coded));
        }
        if (kind == 'd') checker.remove(clause);
        else checker.derive(clause);
    }
    clause.clear();
    if (!checker.contradiction()) checker.derive(clause);  // what is aside may complete it
    checker.verify();
    std::printf("VERIFIED clauses=%llu lemmas=%llu checked=%llu revived=%llu\n", (unsigned long long)clauses,
                (unsigned long long)checker.lemmas, (unsigned long long)checker.checked, (unsigned long long)checker.revived);
    return 0;
}
