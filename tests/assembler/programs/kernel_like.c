typedef unsigned long long uint64_t;

extern int ext(int, const char *); static int sfun(int x){ return x*3; }
const char *names[] = {"one","two","three"}; int counter=5; static int zeroed[100]; uint64_t big=0x123456789abcdefULL; double dd=1.5; float ff=2.5f;
int sw(int x){ switch(x){case 0: return 5; case 1: return ext(1,"a"); case 2: return 7; case 3: return 9; case 4: return ext(2,"b"); case 5: return 12; case 6: return 1; default: return -1;} }
int loop(int n, int *p){ int s=0; for(int i=0;i<n;i++){ if(p[i]&1) s+=sfun(p[i]); else s-=zeroed[i%100]; if(s>1000) {ext(s,names[s%3]); s=0;} counter++; } return s; }
double fp(double a, float b){ return a*b+dd/ff; }
static __thread int tls; int gettls(void){ return tls++; }
__attribute__((weak)) void wk(void){} __attribute__((visibility("hidden"))) int hid(void){ return 3;} 
struct s{ char c; short d; long l; } st={1,2,3}; void copy(struct s*a,struct s*b){ *a=*b; __builtin_memset(b,0,sizeof *b);} 
__attribute__((section(".init.text"))) int initf(int x){ return x/7; } 
void *fptr = sw; long diff(void){ return (long)((char*)&st - (char*)0); }
int main(int argc,char**argv){ return loop(argc,(int*)argv)+sw(argc)+hid(); }
uint64_t mul(uint64_t a,uint64_t b){ return a*b>>6; } int pc(unsigned x){ return __builtin_popcount(x)+__builtin_ctz(x); }
static inline int inl(int x) { return x * 3 + 1; }
struct node { struct node *next; int v; };
static int helper(struct node *n) { int s = 0; while (n) { s += inl(n->v); n = n->next; } return s; }
int walk(struct node *n, int k) { if (k > 5) return helper(n); for (int i = 0; i < k; i++) { if (inl(i) == 3) continue; helper(n); } return 0; }
__attribute__((noinline)) static double d(double x){ return x*2.0; }
int big_switch(int a,int b,int c){ int r=0; switch(a){case 1: r=b; break; case 2: r=c*b; break; case 3: r=b/c; break; case 4: r=b%c; break; case 5: r= b<<c; break; case 9: r=7;} return r+(int)d(a); }
__attribute__((section(".init.text"))) int in_other(int x){ return inl(x)+1; }
