"""Events in Bronze to readings in Silver, measured beside what people would write instead."""
